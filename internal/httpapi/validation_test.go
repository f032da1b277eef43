package httpapi

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/core"
)

// onEvents is a rule that is told of each event of a validation.
func onEvents(see func()) core.RuleFunc {
	return func(events *core.Events, _ core.AddErrFunc) {
		events.OnField(func(*core.Walker, *ast.Field) { see() })
		events.OnFragmentSpread(func(*core.Walker, *ast.FragmentSpread) { see() })
		events.OnInlineFragment(func(*core.Walker, *ast.InlineFragment) { see() })
		events.OnDirective(func(*core.Walker, *ast.Directive) { see() })
		events.OnValue(func(*core.Walker, *ast.Value) { see() })
		events.OnVariable(func(*core.Walker, *ast.VariableDefinition) { see() })
	}
}

// preparing is a preparation that tells of its events.
func preparing(see func()) preparation {
	return preparation{limits: limits{tokens: 5000, depth: 12, aliases: 5000}, schema: served(), valid: newDocuments(0),
		rules: func(bool) map[string]core.RuleFunc {
			rules := documentRules(false)
			rules["Events"] = onEvents(see)
			return rules
		}}
}

// TestValidationEnds wants a validation to end at the first event after nobody waits for
// it, wherever in the document that is, and the document not kept.
func TestValidationEnds(t *testing.T) {
	for name, shape := range shapes {
		params := &graphql.RawParams{Query: shape(40)}
		all := 0
		p := preparing(func() { all++ })
		if _, errs := p.prepare(t.Context(), params); len(errs) > 0 {
			t.Fatalf("%s: %v", name, errs)
		}
		for last := 1; last < all; last += max(1, all/10) {
			ctx, cancel := context.WithCancel(t.Context())
			events := 0
			p := preparing(func() {
				if events++; events == last {
					cancel()
				}
			})
			doc, errs := p.prepare(ctx, params)
			if doc != nil || len(errs) != 1 || !errors.Is(errs[0], context.Canceled) || events != last {
				t.Errorf("%s: ended after %d of %d events: %v, and %d events", name, last, all, errs, events)
			}
			if _, known := p.valid.Get(ctx, params.Query); known {
				t.Errorf("%s: the document is kept", name)
			}
		}
	}
}

// TestValidationErrors wants a validation ended after the errors that are reported.
func TestValidationErrors(t *testing.T) {
	events := 0
	p := preparing(func() { events++ })
	query := "{ nodes(ids: [" + strings.Repeat(" true", 4000) + "]) { id } }"
	_, errs := p.prepare(t.Context(), &graphql.RawParams{Query: query})
	if len(errs) != maxErrors || events > 2*maxErrors {
		t.Errorf("%d errors after %d events", len(errs), events)
	}
}
