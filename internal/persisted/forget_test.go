package persisted_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// TestForget wants the documents with a text gone from Redis, whosever they are, and the
// others left; and from a server's memory when it forgets.
func TestForget(t *testing.T) {
	for name, open := range map[string]func(*testing.T) redis.UniversalClient{
		"single": func(t *testing.T) redis.UniversalClient { return redistest.Start(t).Client(redisclient.Cache) },
		"cluster": func(t *testing.T) redis.UniversalClient {
			return redistest.Open(t, redistest.StartCluster(t), redisclient.Cache)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t)
			s := persisted.NewRedis(c, patience, newMemory())
			document := func(i int) string { return fmt.Sprintf(`{ a%d(email: "kim%d@example.com") }`, i, i%2) }
			part := func(i int) persisted.Part { return []persisted.Part{persisted.Staff, persisted.Partners}[i/2%2] }
			const documents = 20
			for i := range documents {
				s.Put(t.Context(), part(i), document(i))
			}
			if err := c.Set(t.Context(), "elsewhere", "kim1@", 0).Err(); err != nil {
				t.Fatal(err)
			}
			holds := func(text string) bool { return strings.Contains(text, "kim1@") }
			if n, err := persisted.Forget(t.Context(), c, holds); n != documents/2 || err != nil {
				t.Errorf("forgot %d, %v; want %d", n, err, documents/2)
			}
			for _, i := range []int{1, 3} {
				wantsOf(t, s, part(i), document(i), true) // in its memory
			}
			s.Forget()
			for i := range documents {
				wantsOf(t, s, part(i), document(i), i%2 == 0)
			}
			if n, err := persisted.Forget(t.Context(), c, holds); n != 0 || err != nil {
				t.Errorf("once more: forgot %d, %v", n, err)
			}
			if got := c.Exists(t.Context(), "elsewhere").Val(); got != 1 {
				t.Error("what is no document is gone")
			}
		})
	}
}
