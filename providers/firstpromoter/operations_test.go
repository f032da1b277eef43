package firstpromoter

import (
	"testing"

	"github.com/partnergraph/partnergraph/providers/providertest"
)

// TestOperations holds the list of the vendor's operations against the code and the stored
// exchanges.
func TestOperations(t *testing.T) { providertest.Operations(t, "FirstPromoter") }
