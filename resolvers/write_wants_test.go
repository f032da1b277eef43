package resolvers_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
)

// untaken is, for each mutation, a field of its input that a vendor does not take, with a
// value that is well-formed. Mutations of which a vendor takes every field get an id
// instead that cannot be one of the vendor's.
var untaken = map[string]map[providers.Capability]object{
	"promotekit": {
		providers.CanCreateAffiliate:    {"sendEmail": true},
		providers.CanSetAffiliateStatus: {"status": "ARCHIVED"},
		providers.CanMoveAffiliate:      {"moveReferrals": true},
		providers.CanAssignCoupon:       {"rewardId": "12"},
		providers.CanCreateCampaign:     {"terms": object{"isPrivate": true}},
		providers.CanUpdateCampaign:     {"terms": object{"isPrivate": true}},
		providers.CanCreateReferral:     {"orderId": "12"},
		providers.CanCreateCommission:   {"note": "Thanks."},
	},
	"firstpromoter": {
		providers.CanCreateAffiliate:           {"note": "New."},
		providers.CanUpdateAffiliate:           {"notifyOnSale": true},
		providers.CanCreateCampaign:            {"terms": object{"codeMode": "LINK"}},
		providers.CanUpdateCampaign:            {"terms": object{"codeMode": "LINK"}},
		providers.CanAssignCoupon:              {"rewardId": "ten"},
		providers.CanCreateReferral:            {"orderId": "12"},
		providers.CanMarkPayoutPaid:            {"message": "Thanks."},
		providers.CanCreateWebhookSubscription: nil, // it takes all that there is
	},
	"uppromote": {
		providers.CanCreateAffiliate:           {"note": "New."},
		providers.CanSetAffiliateStatus:        {"status": "BANNED"},
		providers.CanMoveAffiliate:             {"moveReferrals": true},
		providers.CanAssignCoupon:              {"rewardId": "12"},
		providers.CanCreateReferral:            {"email": "buyer@new.example"},
		providers.CanCreateCommission:          {"eventId": "e-12"},
		providers.CanAdjustCommission:          {"note": "Thanks."},
		providers.CanCreateWebhookSubscription: {"events": []string{"one", "two"}},
		providers.CanUpdateWebhookSubscription: {"active": true},
		providers.CanDeleteWebhookSubscription: nil, // its ids are names of events, which the vendor alone knows
	},
}

// TestProblemsInOneRound gives every mutation of every vendor an input with two faults: one
// that no vendor takes, its key, and one that this vendor does not take. One answer names
// both, and nobody is asked. (See TestWrites for the input without them.)
func TestProblemsInOneRound(t *testing.T) {
	eachRow(t, func(t *testing.T, r row) {
		w, p := r.sole(t, setup{})
		input, want := maps.Clone(p.input), ""
		fault, known := untaken[r.vendor][r.mutation]
		switch {
		case known && fault == nil:
		case known:
			for name, value := range fault {
				want = " " + name
				if inner, ok := value.(object); ok {
					for part := range inner {
						want += "." + part
					}
				}
				input[name] = value
			}
		default:
			replaceSubject(input, func(id providers.ID) providers.ID {
				id.Local = "no-id!"
				return id
			})
			for _, name := range []string{"id", "affiliate"} {
				if _, ok := input[name]; ok && want == "" {
					want = " " + name
				}
			}
			if _, ok := input["commission"]; ok {
				want = " commission."
			}
		}
		got, a := w.write(r.mutation, "", "short", input)
		if a.code() != "" || got == nil || got.Record != nil {
			t.Fatalf("%s", clipped(a.text))
		}
		var fields []string
		for _, e := range got.UserErrors {
			fields = append(fields, strings.Join(e.Field, "."))
		}
		found := slices.ContainsFunc(fields, func(f string) bool { return strings.HasPrefix(" "+f, want) && f != "idempotencyKey" })
		if !slices.Contains(fields, "idempotencyKey") || want != "" && !found {
			t.Errorf("the problems are of %q, want idempotencyKey and%s", fields, want)
		}
		w.silent("an input with two faults")
		if line := w.audit.take(); line != "" {
			t.Errorf("the audit has %s", line)
		}
	})
}

// TestProblemsWith wants each field to be named once, by whom it was first found faulty.
func TestProblemsWith(t *testing.T) {
	problem := func(code providers.ProblemCode, field string) providers.Problems {
		return providers.Problemf(code, field, "x")
	}
	invalid, unsupported, missing := providers.ProblemInvalid, providers.ProblemUnsupported, providers.ProblemNotFound
	for name, tt := range map[string]struct {
		input, vendor providers.Problems
		kept          bool
	}{
		"another field":                      {problem(invalid, "a"), problem(invalid, "b"), true},
		"a field whose name begins alike":    {problem(invalid, "a"), problem(invalid, "ab"), true},
		"the same field":                     {problem(invalid, "a"), problem(missing, "a"), false},
		"a part of it":                       {problem(invalid, "a.b"), problem(invalid, "a"), false},
		"what it is a part of":               {problem(invalid, "a"), problem(missing, "a.b"), false},
		"not taken, with a part that is bad": {problem(invalid, "a.b"), problem(unsupported, "a"), true},
		"a value that is not taken":          {problem(invalid, "a"), problem(unsupported, "a"), false},
		"nothing to do, and a want":          {problem(invalid, ""), problem(invalid, "a"), false},
		"nothing to do, and no record":       {problem(invalid, ""), problem(missing, "id"), true},
		"nothing to do, and not taken":       {problem(invalid, ""), problem(unsupported, "a"), true},
	} {
		want := slices.Clone(tt.input)
		if tt.kept {
			want = append(want, tt.vendor...)
		}
		if diff := cmp.Diff(want, tt.input.With(tt.vendor)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}
