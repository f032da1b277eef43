package resolvers_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
	"github.com/partnergraph/partnergraph/schema"
)

// row is a mutation at a vendor: what is asked for, and all that follows.
type row struct {
	vendor   string
	mutation providers.Capability
	also     string // what distinguishes a second row of the same two
	play     func(c *cast) play
}

// play is a row with the records of a world in it.
type play struct {
	input  object // but for the key
	sends  string // the one call that writes: method, path and JSON
	calls  int    // all calls together, with those before and after
	fields string // of the record, asked for in the payload and of every list
	is     string // the JSON of these, after the write; "" where the record is no more
	secret string // shown once
	seen   string // another question about the state after the write, and …
	shows  string // … its answer, which it was not before
	blind  bool   // nobody can ever tell whether it was made
}

type object = map[string]any

// rows are all of them.
func rows() []row { return slices.Concat(rowsOfPromoteKit, rowsOfFirstPromoter, rowsOfUpPromote) }

// eachRow runs a test of every row.
func eachRow(t *testing.T, run func(t *testing.T, r row)) {
	for _, r := range rows() {
		t.Run(strings.TrimSpace(r.vendor+" "+string(r.mutation)+" "+r.also), func(t *testing.T) {
			t.Parallel()
			run(t, r)
		})
	}
}

// mutation is a mutation as the schema has it.
type mutation struct {
	name, input string
	record      string // the field of the payload with the record, or its id
	noun        string // "" for an id
	secret      bool   // whether the payload may show one
}

// mutations are those of the schema, by the capability that each needs.
var mutations = func() map[providers.Capability]mutation {
	sdl := schema.Parsed()
	all := map[providers.Capability]mutation{}
	for _, f := range sdl.Mutation.Fields {
		of := sdl.Types[f.Type.Name()]
		m := mutation{name: f.Name, input: f.Arguments[0].Type.Name(), record: of.Fields[0].Name, secret: of.Fields.ForName("secret") != nil}
		if of := sdl.Types[of.Fields[0].Type.Name()]; of.Kind == ast.Object {
			m.noun = of.Name
		}
		var words strings.Builder
		for _, r := range f.Name {
			if r >= 'A' && r <= 'Z' {
				words.WriteByte('_')
			}
			words.WriteRune(r)
		}
		all[providers.Capability(strings.ToUpper(words.String()))] = m
	}
	return all
}()

// payload is what a mutation answers.
type payload struct {
	Record     any
	Secret     *string
	UserErrors []userError
}

type userError struct {
	Field         []string
	Code, Message string
}

// write sends a mutation. The payload is nil where there are errors.
func (w *world) write(m providers.Capability, fields, key string, input object, headers ...string) (*payload, *answer) {
	w.t.Helper()
	of := mutations[m]
	selection := of.record
	if of.noun != "" {
		selection += " { " + fields + " id }"
	}
	if of.secret {
		selection += " secret"
	}
	input = maps.Clone(input)
	input["idempotencyKey"] = key
	a := w.ask(fmt.Sprintf(`mutation($input: %s!) { made: %s(input: $input) { record: %s userErrors { field code message } } }`, of.input, of.name, selection),
		object{"input": input}, headers...)
	var data struct{ Made *payload }
	if len(a.Data) > 0 {
		if err := json.Unmarshal(a.Data, &data); err != nil {
			w.t.Fatalf("%v: %s", err, a.text)
		}
	}
	return data.Made, a
}

// made sends a mutation that has to succeed.
func (w *world) made(r row, p play, key string) *payload {
	w.t.Helper()
	got, a := w.write(r.mutation, p.fields, key, p.input)
	if len(a.Errors) > 0 || got == nil || len(got.UserErrors) > 0 || got.Record == nil {
		w.t.Fatalf("%s: %s\naudit: %s", r.mutation, clipped(a.text), w.audit.take())
	}
	if p.is != "" {
		record := maps.Clone(got.Record.(object))
		delete(record, "id")
		if diff := cmp.Diff(decoded(w.t, p.is), any(record)); diff != "" {
			w.t.Errorf("the payload's record (-want +got)\n%s", diff)
		}
	}
	return got
}

// id is that of the record that a mutation answered.
func (p *payload) id() string {
	if r, ok := p.Record.(object); ok {
		return r["id"].(string)
	}
	return p.Record.(string)
}

func decoded(t testing.TB, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// code is that of the only error; "" where there is none.
func (a *answer) code() string {
	switch len(a.Errors) {
	case 0:
		return ""
	case 1:
		return fmt.Sprint(a.Errors[0].Extensions["code"])
	}
	return "several errors: " + clipped(a.text)
}

// log is what a vendor was asked since the last time, and what of it writes.
func (w *world) taken(vendor string) (all, writes []sandbox.Request) {
	w.kits[vendor].Settled()
	all = w.kits[vendor].Requests()
	w.kits[vendor].Forget()
	for _, r := range all {
		if r.Method != http.MethodGet {
			writes = append(writes, r)
		}
	}
	return all, writes
}

// plays are the plays of rows in worlds as newWorld starts them, by row: all of these
// worlds have equal records.
var plays sync.Map

// sole is the world of one vendor, and the row's records in it. Nothing of the vendor's is
// in the log.
func (r row) sole(t testing.TB, s setup) (*world, play) {
	s.vendors, s.noBudget, s.cost = []string{r.vendor}, true, 1<<20
	w := newWorld(t, s)
	key, usual := [3]string{r.vendor, string(r.mutation), r.also}, s.size == "" && s.emails == nil && s.currency == ""
	kept, ok := plays.Load(key)
	if ok && usual {
		must[any](w, `{ campaigns(first: 1) { nodes { id } } }`, nil) // the account has been read from, as by play
		w.pass(3 * time.Hour)
		w.taken(r.vendor)
		p := kept.(play)
		p.input = maps.Clone(p.input)
		return w, p
	}
	p := r.play(&cast{w, r.vendor})
	w.pass(3 * time.Hour) // what the records were found by is forgotten
	_, writes := w.taken(r.vendor)
	w.audit.take()
	if usual && len(writes) == 0 {
		plays.Store(key, p)
		p.input = maps.Clone(p.input)
	}
	return w, p
}

// cast finds the records that writes are tried on.
type cast struct {
	*world
	vendor string
}

// found is a row of a list.
type found object

// at is the text at a path of names and positions, joined by dots.
func (f found) at(path string) string {
	var v any = object(f)
	for _, name := range strings.Split(path, ".") {
		switch in := v.(type) {
		case object:
			v = in[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(in) {
				return ""
			}
			v = in[i]
		default:
			return ""
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// one is the first row of a root list that passes.
func (c *cast) one(list, filter, fields string, pass func(f found) bool) found {
	c.t.Helper()
	after := ""
	for range 20 {
		a := c.ask(fmt.Sprintf(`{ %s(first: 100%s, filter: { accounts: [%q] %s }) { nodes { %s } pageInfo { hasNextPage endCursor } } }`, list, after, account(c.vendor), filter, fields), nil)
		if len(a.Errors) > 0 {
			c.t.Fatalf("%s", clipped(a.text))
		}
		var data map[string]struct {
			Nodes    []found
			PageInfo struct {
				HasNextPage bool
				EndCursor   string
			}
		}
		if err := json.Unmarshal(a.Data, &data); err != nil {
			c.t.Fatal(err)
		}
		for _, f := range data[list].Nodes {
			if pass == nil || pass(f) {
				return f
			}
		}
		if !data[list].PageInfo.HasNextPage {
			break
		}
		after = fmt.Sprintf(", after: %q", data[list].PageInfo.EndCursor)
	}
	c.t.Fatalf("%s: the world has no such row among %s(%s)", c.vendor, list, filter)
	return nil
}

const (
	affiliateFields = `id providerId email status coupons { id code } parent { id } memberships { id providerId refCode coupon campaign { id providerId name } }`
	newKey          = "0f6d1a52-6d0e-4f2e-9a55-3c1b7c9d2e10"
)

// affiliate is an active affiliate with one campaign that passes.
func (c *cast) affiliate(pass func(f found) bool) found {
	return c.one("affiliates", "", affiliateFields, func(f found) bool {
		return f.at("status") == "ACTIVE" && f.at("memberships.0.campaign.id") != "" && f.at("memberships.1.id") == "" && (pass == nil || pass(f))
	})
}

// campaign is one that the affiliate is not in.
func (c *cast) campaign(a found) found {
	return c.one("campaigns", "", `id providerId name`, func(f found) bool { return f.at("id") != a.at("memberships.0.campaign.id") })
}

// text is JSON with values in it.
func text(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// TestEveryWriteHasARow holds the table against what the accounts can do.
func TestEveryWriteHasARow(t *testing.T) {
	w := newWorld(t, setup{})
	for vendor, p := range w.accounts {
		for _, can := range p.Account().Capabilities {
			_, writes := mutations[can]
			if writes && !slices.ContainsFunc(rows(), func(r row) bool { return r.vendor == vendor && r.mutation == can }) {
				t.Errorf("%s can %s, and no row says how", vendor, can)
			}
		}
	}
	for _, r := range rows() {
		if !slices.Contains(w.accounts[r.vendor].Account().Capabilities, r.mutation) {
			t.Errorf("%s has a row for %s, which it cannot", r.vendor, r.mutation)
		}
	}
}

// TestWrites makes each write, and asks for it again: with the key, and with the key and
// another input.
func TestWrites(t *testing.T) {
	eachRow(t, func(t *testing.T, r row) {
		w, p := r.sole(t, setup{})
		if p.shows != "" {
			if got := w.ask(p.seen, nil); string(got.Data) == p.shows {
				t.Errorf("before it is %s already", p.shows)
			}
			w.pass(3 * time.Hour)
			w.taken(r.vendor)
		}
		made := w.made(r, p, newKey)
		all, writes := w.taken(r.vendor)
		if len(all) != p.calls || len(writes) != 1 {
			t.Errorf("%d calls, %d of them write; want %d and 1:%s", len(all), len(writes), p.calls, lined(all))
		}
		if len(writes) > 0 {
			checkSent(t, p.sends, writes[0])
		}
		if made.Secret == nil && p.secret != "" || made.Secret != nil && *made.Secret != p.secret {
			t.Errorf("the secret is %v, want %q", made.Secret, p.secret)
		}
		w.checkAudit(r, p, "outcome=made replayed=false id="+made.id())

		w.pass(3 * time.Hour) // so that everything is read at the vendor
		w.checkState(r, p, made.id())
		w.taken(r.vendor)

		again := w.made(r, p, newKey)
		if again.Secret != nil {
			t.Errorf("the secret is shown again: %s", *again.Secret)
		}
		again.Secret = made.Secret
		if diff := cmp.Diff(made, again); diff != "" {
			t.Errorf("asked for again it is another (-first +again)\n%s", diff)
		}
		if all, writes := w.taken(r.vendor); len(writes) != 0 {
			t.Errorf("asked for again it is written again:%s", lined(all))
		}
		w.checkAudit(r, p, "outcome=made replayed=true id="+made.id())

		got, a := w.write(r.mutation, p.fields, newKey, other(p.input))
		if all, _ := w.taken(r.vendor); a.code() != "IDEMPOTENCY_CONFLICT" || got != nil || len(all) != 0 {
			t.Errorf("another input with the key: %s, and %d calls", clipped(a.text), len(all))
		}
		w.checkAudit(r, p, `outcome="not sent"`)
	})
}

// checkSent holds the one call against what was to be sent.
func checkSent(t *testing.T, want string, got sandbox.Request) {
	t.Helper()
	request, body, _ := strings.Cut(want, " {")
	if is := got.Method + " " + got.Path; is != request {
		t.Errorf("it sends %s, want %s", is, request)
	}
	switch {
	case body == "" && got.Body != "":
		t.Errorf("it sends a body: %s", got.Body)
	case body != "":
		want, is := decoded(t, "{"+body).(object), decoded(t, got.Body).(object)
		if want["event_id"] == "*" && is["event_id"] != "" { // made of the key, nobody need know how
			want["event_id"] = is["event_id"]
		}
		if diff := cmp.Diff(want, is); diff != "" {
			t.Errorf("what it sends (-want +got)\n%s", diff)
		}
	}
	if got.Status/100 != 2 {
		t.Errorf("the vendor answers %d", got.Status)
	}
}

// checkAudit wants one line that says who wrote what and what became of it, and nothing of
// what people are called.
func (w *world) checkAudit(r row, p play, outcome string) {
	w.t.Helper()
	line := w.audit.take()
	want := fmt.Sprintf("msg=write mutation=%s by=local account=%s key=", r.mutation, r.vendor)
	if strings.Count(line, "\n") != 1 || !strings.Contains(line, want) || !strings.Contains(line, outcome) {
		w.t.Errorf("the audit has %q, want %s… %s", line, want, outcome)
	}
	if strings.Contains(line, "@") || strings.Contains(line, "%40") || strings.Contains(line, newKey) {
		w.t.Errorf("the audit holds an address or the key: %s", line)
	}
}

// checkState asks the vendor for what was written.
func (w *world) checkState(r row, p play, id string) {
	w.t.Helper()
	want := "null"
	if p.is != "" {
		want = p.is
	}
	if p.fields != "" || p.is == "" {
		if diff := cmp.Diff(decoded(w.t, want), w.node(r, p, id)); diff != "" {
			w.t.Errorf("afterwards %s is (-want +got)\n%s", id, diff)
		}
	}
	if p.seen != "" {
		if got := w.ask(p.seen, nil); string(got.Data) != p.shows {
			w.t.Errorf("afterwards %s is %s, want %s", p.seen, got.text, p.shows)
		}
	}
	if all, _ := w.taken(r.vendor); len(all) == 0 {
		w.t.Error("the vendor was not asked")
	}
}

// node is the fields of the record with this id; nil where there is none.
func (w *world) node(r row, p play, id string) any {
	w.t.Helper()
	noun, fields := mutations[r.mutation].noun, p.fields
	if noun == "" {
		noun, fields = string(providers.NounWebhookSubscription), "id"
	}
	a := w.ask(fmt.Sprintf(`{ node(id: %q) { ... on %s { %s } } }`, id, noun, fields), nil)
	if len(a.Errors) > 0 {
		w.t.Fatalf("%s: %s", r.mutation, clipped(a.text))
	}
	return decoded(w.t, string(a.Data)).(object)["node"]
}

// other is another input that is right as well, as far as can be known without asking.
func other(input object) object {
	o := maps.Clone(input)
	for _, name := range []string{"id", "affiliate"} {
		if s, ok := o[name].(string); ok {
			id := parsed(s)
			id.Local += "0"
			o[name] = id.String()
			return o
		}
	}
	changes := object{"email": "somebody.else@new.example", "name": "Another", "targetUrl": "https://else.example/hooks"}
	for name, value := range changes {
		if _, ok := o[name]; ok {
			o[name] = value
			return o
		}
	}
	o["note"] = "something else"
	return o
}

// lined are calls, for messages.
func lined(calls []sandbox.Request) (s string) {
	for _, r := range calls {
		s += fmt.Sprintf("\n  %s %s %s %d", r.Method, r.Path, r.Body, r.Status)
	}
	return s
}
