package resolvers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/schema"
)

// checkFilter refuses empty texts, ids of the wrong noun, and ranges that end before they
// begin, by the name of the field.
func checkFilter(ctx context.Context, f any) error {
	if err := checkTexts(graphql.GetFieldContext(ctx).Field, graphql.GetOperationContext(ctx).Variables); err != nil {
		return err
	}
	ids := func(field string, ids []providers.ID, want providers.Noun) error {
		for _, id := range ids {
			if id.Noun != want {
				return wrongNoun("filter."+field, id, want)
			}
		}
		return nil
	}
	span := func(r providers.DateRange) error {
		if !r.From.IsZero() && !r.To.IsZero() && !r.From.Before(r.To) {
			return apierror.BadInput("filter.createdAt: from (%s) must come before to (%s)",
				r.From.Format(time.RFC3339), r.To.Format(time.RFC3339))
		}
		return nil
	}
	switch f := f.(type) {
	case providers.AffiliateFilter:
		return ids("campaigns", f.Campaigns, providers.NounCampaign)
	case providers.MembershipFilter:
		return errors.Join(ids("affiliates", f.Affiliates, providers.NounAffiliate),
			ids("campaigns", f.Campaigns, providers.NounCampaign))
	case providers.ReferralFilter:
		return errors.Join(ids("affiliates", f.Affiliates, providers.NounAffiliate),
			ids("campaigns", f.Campaigns, providers.NounCampaign), span(f.CreatedAt))
	case providers.CommissionFilter:
		return errors.Join(ids("affiliates", f.Affiliates, providers.NounAffiliate),
			ids("campaigns", f.Campaigns, providers.NounCampaign),
			ids("referrals", f.Referrals, providers.NounReferral), ids("payouts", f.Payouts, providers.NounPayout), span(f.CreatedAt))
	case providers.PayoutFilter:
		return errors.Join(ids("affiliates", f.Affiliates, providers.NounAffiliate),
			ids("campaigns", f.Campaigns, providers.NounCampaign))
	case providers.CouponFilter:
		return ids("affiliates", f.Affiliates, providers.NounAffiliate)
	}
	return nil
}

// checkTexts refuses a text in a root list's filter that is empty or blank. The domain's filters
// cannot tell an empty one from no condition, and vendors no blank one, so that it would list the
// records of everybody. Only an empty search is one that everything matches.
func checkTexts(list graphql.CollectedField, variables map[string]any) error {
	arg := list.Definition.Arguments.ForName("filter")
	given, _ := list.ArgumentMap(variables)["filter"].(map[string]any)
	for _, field := range schema.Parsed().Types[arg.Type.Name()].Fields {
		text, is := given[field.Name].(string)
		if is && field.Type.Name() == "String" && strings.TrimSpace(text) == "" && (field.Name != "search" || text != "") {
			return apierror.BadInput("filter.%s must not be empty or blank; leave it out to list without this condition", field.Name)
		}
	}
	return nil
}

// checkEnums refuses a value in the variables that no value of its enum is spelled as. The
// GraphQL library compares them without regard to case, and such a value matches nothing
// further on.
func checkEnums(definitions ast.VariableDefinitionList, variables map[string]any) error {
	for _, v := range definitions {
		if err := checkEnum(v.Type.Name(), variables[v.Variable], ""); err != nil {
			return apierror.BadInput("Variable \"$%s\": %s", v.Variable, err)
		}
	}
	return nil
}

// checkEnum checks a value of a named type, or a list of such values, and what is within it.
func checkEnum(typeName string, value any, path string) error {
	def := schema.Parsed().Types[typeName]
	switch value := value.(type) {
	case []any:
		for i, v := range value {
			if err := checkEnum(typeName, v, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case []string: // what the library makes of a single value where a list is wanted
		for _, v := range value {
			if err := checkEnum(typeName, v, path); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, f := range def.Fields { // a scalar has none
			if err := checkEnum(f.Type.Name(), value[f.Name], strings.TrimPrefix(path+"."+f.Name, ".")); err != nil {
				return err
			}
		}
	case string:
		if def.Kind == ast.Enum && def.EnumValues.ForName(value) == nil {
			names := make([]string, len(def.EnumValues))
			for i, v := range def.EnumValues {
				names[i] = v.Name
			}
			return fmt.Errorf("%s must be one of %s, not %q", cmp.Or(path, "it"), strings.Join(names, ", "), value)
		}
	}
	return nil
}
