package firstpromoter

import (
	"net/http"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// unfiltered is a vendor that ignores what narrows promo codes.
func unfiltered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Has("promoter_campaign_id") {
			q.Del("promoter_campaign_id")
			r = r.Clone(r.Context())
			r.URL.RawQuery = q.Encode()
			r.RequestURI = r.URL.RequestURI()
		}
		next.ServeHTTP(w, r)
	})
}

// answering is a vendor all of whose reads have this status, and an empty list.
func answering(status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte("[]"))
	})
}

// TestLooksInDoubt: a look never takes a record for another because the vendor spells it in
// another way, blanks what decides, ignores a filter, or answers with a status that proves
// nothing.
func TestLooksInDoubt(t *testing.T) {
	text := func(change func(string) any) func(any) any {
		return func(v any) any {
			if s, ok := v.(string); ok {
				return change(s)
			}
			return v
		}
	}
	forms := map[string]func(any) any{
		"padded":     text(func(s string) any { return " " + s + " " }),
		"upper case": text(func(s string) any { return strings.ToUpper(s) }),
		"blank":      text(func(string) any { return " " }),
		"null":       text(func(string) any { return nil }),
		"other word": text(func(string) any { return "something else" }),
		"empty": func(v any) any {
			if _, ok := v.([]any); ok {
				return []any{}
			}
			return v
		},
	}
	bends := map[string][]string{ // by member: the forms that prove nothing
		"event_id": {"padded", "upper case", "blank", "null"}, "name": {"padded", "upper case", "blank", "null"},
		"url": {"padded", "upper case", "blank", "null"}, "code": {"padded", "upper case"},
		"state": {"padded", "upper case", "blank", "null", "other word"}, "promoter_campaigns": {"empty", "null"},
	}
	for _, a := range newStage(t).attempts() {
		for _, made := range []bool{true, false} {
			s := (&stage{}).again(t)
			w := mustPlan(t, s, a.command)
			if made {
				if _, err := w.Send(t.Context()); err != nil {
					t.Fatalf("%s: %v", a.name, err)
				}
			}
			look := func(what string, vendor http.Handler) {
				v, _, err := open(t, vendor, s.server.Credentials()).Look(t.Context(), a.command, w.Before, false)
				if err == nil && (made && v == providers.NotMade || !made && v == providers.Made) {
					t.Errorf("%s, made %v, %s: a look says %s", a.name, made, what, v)
				}
			}
			for member, names := range bends {
				for _, form := range names {
					look(member+" "+form, bending(s.server, func(record map[string]any) {
						if v, ok := record[member]; ok {
							record[member] = forms[form](v)
						}
					}))
				}
			}
			look("no filter", unfiltered(s.server))
			look("202", answering(http.StatusAccepted))
			look("206", answering(http.StatusPartialContent))
			if a.command.Mutation() != providers.CanDeleteWebhookSubscription { // what was deleted is gone
				look("410", answering(http.StatusGone))
			}
		}
	}
}
