package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/partnergraph/partnergraph/providers"
)

// codecVersion changes with what entries look like in Redis, or mean, where their Go types
// do not tell.
const codecVersion = 2

// kinds are what is stored, by the word that tells them apart there.
var kinds = map[string]any{
	"affiliate": (*providers.Affiliate)(nil), "membership": (*providers.Membership)(nil), "campaign": (*providers.Campaign)(nil),
	"referral": (*providers.Referral)(nil), "commission": (*providers.Commission)(nil), "payout": (*providers.Payout)(nil),
	"coupon": (*providers.Coupon)(nil), "subscription": (*providers.WebhookSubscription)(nil),
	"rows": Rows{}, "count": Count(0), "absent": Absent{}, "family": Family{},
}

var kindOf = func() map[reflect.Type]string {
	m := make(map[reflect.Type]string, len(kinds))
	for k, v := range kinds {
		m[reflect.TypeOf(v)] = k
	}
	return m
}()

// stored is an entry as Redis has it. Times are nanoseconds since 1970, 0 for none.
type stored struct {
	_ struct{} `cbor:",toarray"`

	Kind       string // "" where there is only a fence
	Began      Epoch
	FetchedAt  int64
	FreshUntil int64
	StaleUntil int64
	Fence      Epoch
	FenceUntil int64

	PayoutFetchedAt  int64
	PayoutFreshUntil int64

	Value cbor.RawMessage
}

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeAt(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds).UTC()
}

// The format is CBOR (RFC 8949), structs as arrays. An affiliate or referral of the
// simulators takes 417 bytes, JSON 811, and 0.6 of the time that JSON takes to decode
// (BenchmarkCodec). Times keep their nanoseconds.
var (
	encoding = must(cbor.EncOptions{Time: cbor.TimeRFC3339Nano, Sort: cbor.SortCoreDeterministic}.EncMode())
	decoding = must(cbor.DecOptions{UTF8: cbor.UTF8DecodeInvalid}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// encode writes an entry. Equal entries give equal bytes.
func encode(e Entry) ([]byte, error) {
	s := stored{Began: e.Began, FetchedAt: nanoseconds(e.FetchedAt), FreshUntil: nanoseconds(e.FreshUntil),
		StaleUntil: nanoseconds(e.StaleUntil), Fence: e.Fence.At, FenceUntil: nanoseconds(e.Fence.Until),
		PayoutFetchedAt: nanoseconds(e.Payout.FetchedAt), PayoutFreshUntil: nanoseconds(e.Payout.FreshUntil)}
	if e.Value != nil {
		if s.Kind = kindOf[reflect.TypeOf(e.Value)]; s.Kind == "" {
			return nil, fmt.Errorf("a %T is not stored", e.Value)
		}
		var err error
		if s.Value, err = encoding.Marshal(e.Value); err != nil {
			return nil, err
		}
	}
	return encoding.Marshal(s)
}

// decode reads what encode wrote.
func decode(b []byte) (Entry, error) {
	var s stored
	if err := decoding.Unmarshal(b, &s); err != nil {
		return Entry{}, err
	}
	e := Entry{Began: s.Began, FetchedAt: timeAt(s.FetchedAt), FreshUntil: timeAt(s.FreshUntil), StaleUntil: timeAt(s.StaleUntil),
		Fence:  Fence{At: s.Fence, Until: timeAt(s.FenceUntil)},
		Payout: Borrowed{timeAt(s.PayoutFetchedAt), timeAt(s.PayoutFreshUntil)}}
	if s.Kind == "" {
		return e, nil
	}
	kind, ok := kinds[s.Kind]
	if !ok {
		return Entry{}, fmt.Errorf("an unknown kind %q", s.Kind)
	}
	t := reflect.TypeOf(kind)
	pointer := t.Kind() == reflect.Pointer
	if pointer {
		t = t.Elem()
	}
	v := reflect.New(t)
	if err := decoding.Unmarshal(s.Value, v.Interface()); err != nil {
		return Entry{}, err
	}
	share(v.Interface())
	if pointer {
		e.Value = v.Interface()
	} else {
		e.Value = v.Elem().Interface()
	}
	if n := node(e.Value); n != nil && n.ID.IsZero() {
		return Entry{}, errors.New("a record without an id")
	}
	return e, nil
}

// readable is what Redis has under a key with a line for each text in it, as bytes that
// stand before a text in CBOR may look like a part of it. What is no CBOR, an earlier
// release's, stays as it is.
func readable(text string) string {
	var v any
	if len(text) < revisionSize || decoding.Unmarshal([]byte(text[revisionSize:]), &v) != nil {
		return text
	}
	var b strings.Builder
	appendTexts(&b, v)
	return b.String()
}

// appendTexts writes a line for each text in a value.
func appendTexts(b *strings.Builder, v any) {
	switch v := v.(type) {
	case string:
		b.WriteString(v + "\n")
	case []byte:
		b.WriteString(string(v) + "\n")
	case []any:
		for _, e := range v {
			appendTexts(b, e)
		}
	case map[any]any:
		for k, e := range v {
			appendTexts(b, k)
			appendTexts(b, e)
		}
	}
}

// share makes one of all Fields that say the same, as they are where a provider made them.
func share(v any) {
	switch v := v.(type) {
	case *Rows:
		for i := range v.Rows {
			v.Rows[i].Known = shared(v.Rows[i].Known)
		}
	case *providers.Affiliate:
		shareEach(v.Memberships)
		shareEach(v.Coupons)
	}
	if n := node(v); n != nil {
		n.Known = shared(n.Known)
	}
}

func shareEach[T providers.Record](records []*T) {
	for _, r := range records {
		if r != nil {
			share(r)
		}
	}
}

var known struct {
	sync.Mutex
	fields map[string]*providers.Fields
}

// maxShared bounds how many Fields are shared. A provider has a handful.
const maxShared = 1000

func shared(f *providers.Fields) *providers.Fields {
	if f == nil {
		return nil
	}
	names, except := f.Names()
	key := fmt.Sprintf("%t %q", except, names)
	known.Lock()
	defer known.Unlock()
	if known.fields[key] == nil && len(known.fields) < maxShared {
		if known.fields == nil {
			known.fields = map[string]*providers.Fields{}
		}
		known.fields[key] = f
	}
	if s := known.fields[key]; s != nil {
		return s
	}
	return f
}

// shape names what entries look like: releases that differ in it do not read each other's.
// It is made of the types that are stored, so that nobody has to think of it.
var shape = sync.OnceValue(func() string {
	types := []reflect.Type{reflect.TypeFor[stored]()}
	for _, v := range kinds {
		types = append(types, reflect.TypeOf(v))
	}
	return shapeOf(types)
})

func shapeOf(types []reflect.Type) string {
	var all []string
	for _, t := range types {
		var s strings.Builder
		describe(&s, t, map[reflect.Type]bool{})
		all = append(all, s.String())
	}
	slices.Sort(all)
	sum := sha256.Sum256(fmt.Append(nil, codecVersion, all))
	return hex.EncodeToString(sum[:6])
}

const module = "github.com/partnergraph/partnergraph"

// describe writes down a type with all it is made of. Types of other modules are known by
// their name.
func describe(w io.Writer, t reflect.Type, seen map[reflect.Type]bool) {
	fmt.Fprintf(w, "%s %s", t, t.Kind())
	if seen[t] || t.PkgPath() != "" && !strings.HasPrefix(t.PkgPath(), module) {
		return
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		fmt.Fprint(w, "(")
		describe(w, t.Elem(), seen)
		fmt.Fprint(w, ")")
	case reflect.Struct:
		fmt.Fprint(w, "{")
		for f := range t.Fields() {
			fmt.Fprintf(w, "%s %q ", f.Name, f.Tag)
			describe(w, f.Type, seen)
			fmt.Fprint(w, ";")
		}
		fmt.Fprint(w, "}")
	}
}
