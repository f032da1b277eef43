package resolvers_test

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/providers"
)

// try are values for the slots of a way: others', and in their place such as nobody has.
type try struct {
	way
	what            string // the Referral of another
	foreign, absent []any
	free            bool // the absent ones are found to be absent without a call
}

// compared says whether the two have to be answered alike.
func (t try) compared() bool { return t.absent != nil }

// searched are the fields that texts are looked for in, by the name of the argument.
var searched = map[string][]string{
	"email": {"Affiliate.email", "Referral.email"}, "refCode": {"Membership.refCode"}, "promoCode": {"Coupon.code"},
	"search":  {"Affiliate.email", "Affiliate.name", "Coupon.code", "Referral.email"},
	"orderId": {"Referral.orderId"}, "eventId": {"Commission.eventId"}, "customerId": {"Referral.customerId"},
}

// spans are the input types that are spans of time.
var spans = map[string]bool{"DateRange": true}

// noun is the type of the records that an argument names.
func (s *stage) noun(w way, sl slot) string {
	name := sl.noun
	if name == "" {
		name = strings.ToUpper(sl.name[:1]) + strings.TrimSuffix(sl.name[1:], "s")
	}
	if def := s.schema.Types[name]; def == nil || !slices.Contains(def.Interfaces, "Node") {
		s.t.Fatalf("%s takes ids as %q, after which no type of records is called: say in attack_values_test.go whose", w.name, sl.name)
	}
	return name
}

// tries are the values for a way: what is a victim's and not the actor's.
func (s *stage) tries(a, victim *actor, w way) []try {
	if len(w.slots) == 0 {
		return []try{{way: w, what: "as it is"}}
	}
	all := s.triesOf(a, victim, w, w.slots[0])
	if len(w.slots) == 1 {
		return all
	}
	if w.slots[1].own {
		own := s.own(a, s.noun(w, w.slots[1]))
		if len(own) == 0 {
			return nil
		}
		for i := range all {
			all[i].foreign, all[i].absent, all[i].free = append(all[i].foreign, own[0]), append(all[i].absent, own[0]), false
		}
		return all
	}
	second := s.triesOf(a, victim, w, w.slots[1])
	if len(second) == 0 {
		return nil
	}
	for i := range all {
		all[i].foreign, all[i].absent = append(all[i].foreign, second[0].foreign...), append(all[i].absent, second[0].absent...)
	}
	return all
}

func (s *stage) triesOf(a, victim *actor, w way, sl slot) (all []try) {
	every := func(values ...any) {
		for _, v := range values {
			all = append(all, try{way: w, what: "all", foreign: []any{v}})
		}
	}
	switch def := s.schema.Types[sl.typ]; {
	case sl.typ == "ID":
		noun := s.noun(w, sl)
		if id := s.others(a, victim, noun); id != "" {
			all = append(all, try{w, "the " + noun + " of " + victim.name, []any{id}, []any{s.absentID(id)}, true})
		}
	case def.Kind == ast.Enum:
		for _, v := range def.EnumValues {
			every(v.Name)
		}
	case sl.typ == "Boolean":
		every(true, false)
	case sl.typ == "Int" && sl.name == "first":
		every(1, 100)
	case sl.typ == "String" && sl.name == "after": // TestAttackCursors
	case spans[sl.typ]:
		if full, empty := s.moments(a, victim); full != nil {
			all = append(all, try{way: w, what: "when another's was made", foreign: []any{full}, absent: []any{empty}})
		}
	case sl.typ == "String" && searched[sl.name] != nil:
		for _, field := range searched[sl.name] {
			if text := s.text(a, victim, field); text != "" {
				all = append(all, try{w, "the " + field + " of " + victim.name, []any{text}, []any{s.absentText(text)}, false})
			}
		}
	default:
		s.t.Fatalf("%s takes a %s as %q: say in attack_values_test.go which values are tried", w.name, sl.typ, sl.name)
	}
	return all
}

// others is a record of a noun that is a victim's and not the actor's; "" where there is none.
func (s *stage) others(a, victim *actor, noun string) string {
	for _, id := range s.own(victim, noun) {
		if !s.may(a, id) {
			return id
		}
	}
	return ""
}

// text is what a field holds in a record of a victim's, and in none of the actor's.
func (s *stage) text(a, victim *actor, field string) string {
	noun, name, _ := strings.Cut(field, ".")
	for _, id := range s.own(victim, noun) {
		if text, _ := s.records[id][name].(string); len(text) >= shortest && !slices.ContainsFunc(s.strings[text], func(id string) bool { return s.may(a, id) }) {
			return text
		}
	}
	return ""
}

// moments are a second in which a record of a victim's was made, and none of the actor's,
// and one soon after in which nothing was made.
func (s *stage) moments(a, victim *actor) (full, empty map[string]any) {
	if a.moments == nil {
		a.moments = map[string]bool{}
		for id, r := range s.records {
			at, _ := r["createdAt"].(string)
			a.moments[at] = a.moments[at] || s.may(a, id)
		}
	}
	second := func(t time.Time) map[string]any {
		return map[string]any{"from": t.Format(time.RFC3339), "to": t.Add(time.Second).Format(time.RFC3339)}
	}
	for _, id := range append(s.own(victim, "Commission"), s.own(victim, "Referral")...) {
		at, _ := s.records[id]["createdAt"].(string)
		next, err := time.Parse(time.RFC3339, at)
		if err != nil || a.moments[at] {
			continue
		}
		full = second(next)
		for taken := true; taken; _, taken = a.moments[next.Format(time.RFC3339)] {
			next = next.Add(time.Second)
		}
		return full, second(next)
	}
	return nil, nil
}

// turned is a text of the same form in which digits, and letters if wanted, are others.
func turned(text string, by int, letters bool) string {
	host := strings.LastIndexByte(text, '@')
	i := -1
	return strings.Map(func(r rune) rune {
		i++
		switch {
		case r >= '0' && r <= '9':
			return '0' + (r-'0'+rune(by))%10
		case letters && (host < 0 || i < host) && r < unicode.MaxASCII && unicode.IsLower(r):
			return 'a' + (r-'a'+rune(by))%26
		}
		return r
	}, text)
}

// absentID is an id like this one that names nothing.
func (s *stage) absentID(text string) string {
	id, err := providers.ParseID(text)
	if err != nil {
		s.t.Fatal(err)
	}
	for by := 1; by < 10; by++ {
		other := id
		if other.Local = turned(id.Local, by, !strings.ContainsAny(id.Local, "0123456789")); id.Noun == providers.NounAccount {
			other.Account = turned(id.Account, by, true)
		}
		if s.records[other.String()] == nil {
			return other.String()
		}
	}
	s.t.Fatalf("everything like %s is there", id)
	return ""
}

// absentText is a text like this one that stands nowhere.
func (s *stage) absentText(text string) string {
	for by := 1; by < 10; by++ {
		if other := turned(text, by, true); len(s.strings[other]) == 0 {
			return other
		}
	}
	s.t.Fatalf("everything like %q is there", text)
	return ""
}
