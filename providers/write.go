package providers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/govalues/decimal"
)

// Command is the input of a mutation: one write to one account. Each noun's file has those
// that change it. A command is not changed once it was read.
type Command interface {
	// Mutation is the capability that an account needs for it; its name is that of the
	// GraphQL mutation: CREATE_AFFILIATE is createAffiliate.
	Mutation() Capability

	// Key is what the client recognizes this write by when it asks again.
	Key() string

	// Subject is the record that says which account is meant, the account itself or a
	// record of it, and the field below `input` that names it.
	Subject() (field string, id ID)

	// Target names what is written to, within the account: writes to one target go one
	// after the other, over all replicas.
	Target() string

	// Check holds the input against what can be known without asking anybody. The currency
	// is the account's.
	Check(currency string, now time.Time) Problems
}

// Problem is one thing wrong with what a caller wrote: a UserError of the graph. The
// message is for people and holds nothing of what a vendor said unless that was vetted.
type Problem struct {
	Field   []string // the way to it below `input`; empty, not nil, where it is the whole
	Code    ProblemCode
	Message string
}

// ProblemCode is what a client's program goes by.
type ProblemCode string

// The codes of problems.
const (
	ProblemInvalid     ProblemCode = "INVALID"     // not well-formed, or out of range
	ProblemTaken       ProblemCode = "TAKEN"       // another record has it
	ProblemNotFound    ProblemCode = "NOT_FOUND"   // names no record
	ProblemConflict    ProblemCode = "CONFLICT"    // does not agree with what is there
	ProblemWrongState  ProblemCode = "WRONG_STATE" // the record is in a state that does not allow it
	ProblemUnsupported ProblemCode = "UNSUPPORTED" // this account's vendor does not take it
)

// Problems are what is wrong with a caller's input. As an error they say that nothing was
// written, and why.
type Problems []Problem

// Error lists them.
func (p Problems) Error() string {
	parts := make([]string, len(p))
	for i, one := range p {
		parts[i] = strings.Join(one.Field, ".") + ": " + one.Message
	}
	return strings.Join(parts, "; ")
}

// Problemf is one problem as an error: field is a path below `input`, joined by dots, ""
// for the whole.
func Problemf(code ProblemCode, field, format string, args ...any) Problems {
	return Problems{{Field: path(field), Code: code, Message: fmt.Sprintf(format, args...)}}
}

// When adds a problem if there is one.
func (p *Problems) When(wrong bool, code ProblemCode, field, message string) {
	if wrong {
		*p = append(*p, Problemf(code, field, "%s", message)...)
	}
}

// Err is what was gathered as an error; nil for nothing.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// With adds what another judge of the same input found. A field that is faulty already is
// not named twice: a value that is not well-formed says nothing more. Where the whole is
// faulty, as it names nothing to do, nothing else is missing.
func (p Problems) With(more Problems) Problems {
	all := slices.Clone(p)
	for _, q := range more {
		if !slices.ContainsFunc(p, func(known Problem) bool { return known.covers(q) }) {
			all = append(all, q)
		}
	}
	return all
}

// covers says whether a problem of the same field makes another one needless. What is not
// taken at all is told with its parts' faults.
func (p Problem) covers(q Problem) bool {
	n := min(len(p.Field), len(q.Field))
	switch {
	case len(p.Field) == 0:
		return q.Code == ProblemInvalid
	case q.Code == ProblemUnsupported:
		return slices.Equal(p.Field, q.Field)
	}
	return slices.Equal(p.Field[:n], q.Field[:n])
}

func path(field string) []string {
	if field == "" {
		return []string{}
	}
	return strings.Split(field, ".")
}

// Writer plans writes, and finds out what became of them. Like a [Provider]'s other
// methods, these are safe for concurrent use.
type Writer interface {
	// Wants judges the input by what this vendor takes, without a call and without the
	// state of any record: what it does not take, what it misses, and ids that cannot be
	// those of a record. The input may have failed its own Check. Plan refuses the same.
	Wants(c Command) Problems

	// Plan works out one write, and makes none: it reads at the vendor, live, what the
	// write needs (an e-mail address, a membership's id) and what its outcome will be
	// recognized by. What the caller got wrong is [Problems], and a mutation that the
	// vendor does not have wraps [errors.ErrUnsupported]. After either, and after any other
	// error, nothing was written.
	Plan(ctx context.Context, c Command) (*Write, error)

	// Look finds out by reading, live, whether a write was made that nobody answered,
	// perhaps before this process began: before is what its plan had as Before. It does not
	// judge, as Plan does, whether the write makes sense now. With disturbed, other writes
	// went to the same target since, so that what is there now may be their work. Written
	// is set with [Made] only. What comes under a proof by [ProofNone] is [Unclear].
	Look(ctx context.Context, c Command, before json.RawMessage, disturbed bool) (Verdict, *Written, error)

	// Proofs says, for each mutation that the vendor has, whether its outcome can be proven
	// when nobody answered, and by what.
	Proofs() []Proof
}

// Write is one write, worked out.
type Write struct {
	// Op is the operation as the vendor's page has it: "POST /commissions".
	Op string

	// Proof is the row of [Writer.Proofs] that this write comes under.
	Proof Proof

	// Before is what Look compares with later: what was there when the write was planned.
	// It is stored before anything is sent, and holds no secret.
	Before json.RawMessage

	// Send makes the write, by one call that is never repeated. [NothingWritten] says which
	// errors prove that nothing was written. After any other error the write may have been
	// made.
	Send func(ctx context.Context) (*Written, error)

	// Stale are records that the write may change and the command does not name. The cache
	// forgets them, with those that the command names and all lists, when the outcome is
	// not known.
	Stale []ID

	// Fields translates the vendor's names of fields into the input's paths, for what the
	// vendor says of single fields.
	Fields map[string]string
}

// Written is what a write has made or changed.
type Written struct {
	ID      ID      // of the record that the mutation answers
	Harvest Harvest // what the reply carried; records in it are as they are after the write
	Secret  string  // shown once by the vendor, and stored nowhere

	// Stale are the records that the write has changed, beside those that are whole in
	// Harvest, and the nouns whose lists may have changed. They are read again at the next
	// question.
	Stale      []ID
	StaleLists []Noun
}

// Verdict is what a look at the vendor's records says of a write.
type Verdict string

// The verdicts.
const (
	Made    Verdict = "MADE"     // it was made
	NotMade Verdict = "NOT_MADE" // it was not: it may be sent
	Unclear Verdict = "UNCLEAR"  // nobody can tell
)

// JudgeState is the verdict on a write that sets a state, whatever it was: what holds was
// made, whoever made it. What is as it was before was not made, unless others wrote in
// between.
func JudgeState(holds, asBefore, disturbed bool) Verdict {
	switch {
	case holds:
		return Made
	case asBefore && !disturbed:
		return NotMade
	default:
		return Unclear
	}
}

// Image is what a plan stores as [Write.Before]: a value of plain texts, numbers and flags,
// as JSON.
func Image(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("providers: an image that has no JSON: %v", err)) // no input leads here
	}
	return b
}

// Proof says by what the outcome of a mutation is proven.
type Proof struct {
	Mutation Capability
	When     string // which of its inputs this is about, in words; "" for all
	By       ProofBy
	Look     string // what a person looks at when it stays unknown, for the client: a noun phrase, to stand behind "look at"
}

// ProofBy is a kind of proof.
type ProofBy string

// The kinds of proof.
const (
	ProofEmail   ProofBy = "EMAIL"    // a record of this address that was not there before
	ProofCode    ProofBy = "CODE"     // a record with this referral code or coupon
	ProofEventID ProofBy = "EVENT_ID" // a record with this event id, found by search and checked again
	ProofOrder   ProofBy = "ORDER"    // a record of this order
	ProofURL     ProofBy = "URL"      // a record with this address
	ProofState   ProofBy = "STATE"    // what was there before, compared with what is there now
	ProofNone    ProofBy = "NONE"     // nothing: its outcome may stay unknown
)

// checks gathers what is wrong with a command.
type checks struct {
	prefix   string // of the paths of fields, with its dot
	account  string // of the subject
	currency string
	now      time.Time
	found    *Problems
}

// check begins the checks of a command: its key, and its subject.
func check(c Command, currency string, now time.Time, nouns ...Noun) *checks {
	field, id := c.Subject()
	ch := &checks{account: id.Account, currency: currency, now: now, found: &Problems{}}
	if k := c.Key(); len(k) < 8 || len(k) > 128 || strings.Trim(k, printable) != "" {
		ch.add("idempotencyKey", "has to be 8 to 128 printable ASCII characters without spaces, such as a UUID")
	}
	ch.id(field, id, nouns...)
	return ch
}

// printable are the characters of an idempotency key.
var printable = func() string {
	var b strings.Builder
	for r := '!'; r <= '~'; r++ {
		b.WriteRune(r)
	}
	return b.String()
}()

// problems are what was found.
func (ch *checks) problems() Problems { return *ch.found }

func (ch *checks) add(field, format string, args ...any) {
	*ch.found = append(*ch.found, Problemf(ProblemInvalid, ch.prefix+field, format, args...)...)
}

// below are the checks of an object inside the input.
func (ch *checks) below(field string) *checks {
	inner := *ch
	inner.prefix += field + "."
	return &inner
}

// id wants the id of a record of one of these nouns, and of the command's account.
func (ch *checks) id(field string, id ID, nouns ...Noun) {
	words := make([]string, len(nouns))
	for i, n := range nouns {
		if id.Noun == n {
			if id.Account != ch.account {
				ch.add(field, "is a record of another account")
			}
			return
		}
		words[i] = string(n)
	}
	ch.add(field, "has to be the id of type %s, and is one of type %s", strings.Join(words, " or "), id.Noun)
}

// optionalID is id for what need not be there.
func (ch *checks) optionalID(field string, id *ID, noun Noun) {
	if id != nil {
		ch.id(field, *id, noun)
	}
}

// email wants an address as people write it; nil is none.
func (ch *checks) email(field string, s *string) {
	if s == nil {
		return
	}
	a, err := mail.ParseAddress(*s)
	if err != nil || a.Address != *s || len(*s) > 254 {
		ch.add(field, "has to be an e-mail address")
	}
}

// What people write is bounded, in bytes: names and ids, and texts.
const (
	maxName = 250
	maxText = 10_000
)

// text wants something visible, of at most max characters; nil is none.
func (ch *checks) text(field string, s *string, max int) {
	switch {
	case s == nil:
	case strings.TrimSpace(*s) == "":
		ch.add(field, "must not be empty")
	case len(*s) > max:
		ch.add(field, "must not have more than %d bytes", max)
	case strings.ContainsFunc(*s, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' }):
		ch.add(field, "must not hold control characters")
	}
}

// code wants a referral or coupon code: what can stand in an address and be typed.
func (ch *checks) code(field string, s *string) {
	if s == nil {
		return
	}
	if *s == "" || len(*s) > 64 || strings.ContainsFunc(*s, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_' || r == '.')
	}) {
		ch.add(field, "has to be 1 to 64 letters, digits, hyphens, underscores or dots")
	}
}

// events wants names of events.
func (ch *checks) events(events []string) {
	if len(events) == 0 || len(events) > 100 {
		ch.add("events", "has to have 1 to 100 names of events")
	}
	for i := range events {
		ch.text(fmt.Sprintf("events.%d", i), &events[i], maxName)
	}
}

// headers wants headers that a vendor can be told to send.
func (ch *checks) headers(headers map[string]string) {
	if len(headers) > 20 {
		ch.add("headers", "must not be more than 20")
	}
	for name, value := range headers {
		if name == "" || len(name)+len(value) > 1000 || strings.ContainsFunc(name+value, unicode.IsControl) {
			ch.add("headers", "has to have names and values of at most 1000 bytes together, without control characters")
			return
		}
	}
}

// link wants an absolute address on the web.
func (ch *checks) link(field string, s *string, secure bool) {
	if s == nil {
		return
	}
	u, err := url.Parse(*s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || len(*s) > 2000:
		ch.add(field, "has to be an address like https://example.com/page")
	case secure && u.Scheme != "https":
		ch.add(field, "has to begin with https://")
	case u.User != nil:
		ch.add(field, "must not hold a password")
	case secure && !public(u.Hostname()):
		ch.add(field, "has to be an address on the internet, where the vendor can reach it")
	}
}

// public says whether a host may be one that everybody reaches, as far as its text tells:
// names are not looked up.
func public(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host != "localhost" && !strings.HasSuffix(host, ".localhost")
	}
	ip = ip.Unmap()
	return ip.IsGlobalUnicast() && !ip.IsPrivate()
}

// money wants an amount in the account's currency that has no more places than the
// currency; sign says which amounts are right: 1 for those above zero, 0 for all but zero,
// -1 for zero and above.
func (ch *checks) money(field string, m *Money, sign int) {
	if m == nil {
		return
	}
	if !strings.EqualFold(m.CurrencyCode, ch.currency) {
		ch.add(field+".currencyCode", "has to be %s, the account's currency", ch.currency)
	}
	switch {
	case sign > 0 && m.Amount.Sign() <= 0:
		ch.add(field+".amount", "has to be more than 0")
	case sign == 0 && m.Amount.IsZero():
		ch.add(field+".amount", "must not be 0")
	case sign < 0 && m.Amount.Sign() < 0:
		ch.add(field+".amount", "must not be less than 0")
	case m.Amount.Trim(0).Scale() > CurrencyDigits(ch.currency):
		ch.add(field+".amount", "has more decimal places than %s has", ch.currency)
	case m.Amount.CmpAbs(maxAmount) > 0:
		ch.add(field+".amount", "must not be more than %s", maxAmount)
	}
}

// maxAmount bounds amounts: a hundred million is nobody's commission, but often a mistaken unit.
var maxAmount = decimal.MustParse("100000000")

// past wants a time of this century that is not in the future; an hour is granted for
// clocks that differ.
func (ch *checks) past(field string, at *time.Time) {
	switch {
	case at == nil:
	case at.After(ch.now.Add(time.Hour)):
		ch.add(field, "must not lie in the future")
	case at.Year() < 2000:
		ch.add(field, "must not lie before the year 2000")
	}
}

// some wants a change, so that nothing is sent for nothing.
func (ch *checks) some(given ...bool) {
	for _, g := range given {
		if g {
			return
		}
	}
	ch.add("", "names nothing to change")
}
