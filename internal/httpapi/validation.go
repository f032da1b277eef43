package httpapi

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// maxErrors is how many errors of one document are reported, as many as graphql-js does.
const maxErrors = 100

// errValidationEnded ends a validation early. It is a panic, because the validator has no
// other end.
var errValidationEnded = errors.New("the validation ended")

// validate checks a document by the rules. It ends after maxErrors, and when nobody waits
// for it any more: the validator itself looks at no context.
func validate(ctx context.Context, schema *ast.Schema, doc *ast.QueryDocument, checks map[string]core.RuleFunc) (errs gqlerror.List) {
	events := &core.Events{}
	watch(ctx, events)
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		checks[name](events, func(options ...core.ErrorOption) {
			err := &gqlerror.Error{Rule: name}
			for _, option := range options {
				option(err)
			}
			errcode.Set(err, errcode.ValidationFailed)
			if errs = append(errs, err); len(errs) == maxErrors {
				panic(errValidationEnded)
			}
		})
	}
	defer func() {
		if p := recover(); p != nil && p != errValidationEnded {
			panic(p)
		}
		if err := ctx.Err(); err != nil {
			errs = gqlerror.List{gqlerror.Wrap(err)}
		}
	}()
	core.Walk(schema, doc, events)
	return errs
}

// watch ends the validation at the first event after the context is done.
func watch(ctx context.Context, events *core.Events) {
	check := func() {
		if ctx.Err() != nil {
			panic(errValidationEnded)
		}
	}
	events.OnField(func(*core.Walker, *ast.Field) { check() })
	events.OnFragmentSpread(func(*core.Walker, *ast.FragmentSpread) { check() })
	events.OnInlineFragment(func(*core.Walker, *ast.InlineFragment) { check() })
	events.OnDirective(func(*core.Walker, *ast.Directive) { check() })
	events.OnValue(func(*core.Walker, *ast.Value) { check() })
	events.OnVariable(func(*core.Walker, *ast.VariableDefinition) { check() })
}

// cycleRules are the rules for a document whose fragments contain themselves. The others take the
// square of such a document, and have nothing to add.
func cycleRules() map[string]core.RuleFunc {
	return map[string]core.RuleFunc{rules.NoFragmentCyclesRule.Name: rules.NoFragmentCyclesRule.RuleFunc}
}

// documentRules validate documents. Discreet ones make no suggestions, which would tell the
// schema word by word.
func documentRules(discreet bool) map[string]core.RuleFunc {
	r := rules.NewDefaultRules()
	values := rules.ValuesOfCorrectTypeRule
	if discreet {
		values = rules.ValuesOfCorrectTypeRuleWithoutSuggestions
		r.ReplaceRule(rules.FieldsOnCorrectTypeRule.Name, rules.FieldsOnCorrectTypeRuleWithoutSuggestions.RuleFunc)
		r.ReplaceRule(rules.ScalarLeafsRule.Name, rules.ScalarLeafsRuleWithoutSuggestions.RuleFunc)
		r.ReplaceRule(rules.KnownArgumentNamesRule.Name, rules.KnownArgumentNamesRuleWithoutSuggestions.RuleFunc)
		r.ReplaceRule(rules.KnownTypeNamesRule.Name, rules.KnownTypeNamesRuleWithoutSuggestions.RuleFunc)
	}
	r.ReplaceRule(rules.ValuesOfCorrectTypeRule.Name, named(values.RuleFunc))
	return r.GetInner()
}
