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

// countdown is a context that is done after it was looked at so many times.
type countdown struct {
	context.Context
	left int
}

// Err counts.
func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestValidationEnds wants a validation to end at the first event after nobody waits for it, wherever in
// the document that is, and the document not kept.
func TestValidationEnds(t *testing.T) {
	for name, shape := range shapes {
		var ctx *countdown
		late := 0
		count := func() {
			if ctx.left < 0 {
				late++
			}
		}
		valid := newDocuments(0)
		p := preparation{limits: limits{tokens: 5000, depth: 12, aliases: 5000}, schema: served(), valid: valid,
			rules: func() map[string]core.RuleFunc {
				rules := documentRules(false)
				rules["Count"] = func(events *core.Events, _ core.AddErrFunc) {
					events.OnField(func(*core.Walker, *ast.Field) { count() })
					events.OnFragmentSpread(func(*core.Walker, *ast.FragmentSpread) { count() })
					events.OnInlineFragment(func(*core.Walker, *ast.InlineFragment) { count() })
					events.OnDirective(func(*core.Walker, *ast.Directive) { count() })
					events.OnValue(func(*core.Walker, *ast.Value) { count() })
					events.OnVariable(func(*core.Walker, *ast.VariableDefinition) { count() })
				}
				return rules
			}}
		params := &graphql.RawParams{Query: shape(40)}
		ctx = &countdown{t.Context(), 1 << 30}
		if _, errs := p.prepare(ctx, params); len(errs) > 0 {
			t.Fatalf("%s: %v", name, errs)
		}
		valid.forget()
		for all, left := 1<<30-ctx.left, 0; left < all; left += max(1, all/10) {
			ctx = &countdown{t.Context(), left}
			doc, errs := p.prepare(ctx, params)
			if doc != nil || len(errs) != 1 || !errors.Is(errs[0], context.Canceled) || late > 0 {
				t.Errorf("%s: after %d of %d looks: %v, and %d more events", name, left, all, errs, late)
			}
			if _, known := valid.Get(ctx, params.Query); known {
				t.Errorf("%s: the document is kept", name)
			}
		}
	}
}

// TestValidationErrors wants a validation ended after the errors that are reported.
func TestValidationErrors(t *testing.T) {
	p := preparation{limits: limits{tokens: 50_000, depth: 12, aliases: 5000}, schema: served(), valid: newDocuments(0),
		rules: func() map[string]core.RuleFunc { return documentRules(false) }}
	looks := &countdown{t.Context(), 1 << 30}
	query := "{ nodes(ids: [" + strings.Repeat(" true", 4000) + "]) { id } }"
	_, errs := p.prepare(looks, &graphql.RawParams{Query: query})
	if n := 1<<30 - looks.left; len(errs) != maxErrors || n > 2*maxErrors {
		t.Errorf("%d errors after %d events", len(errs), n)
	}
}
