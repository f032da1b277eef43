package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// codecVersion changes with what entries look like in Redis, or mean, where their Go types do not tell.
const codecVersion = 1

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

// head is an entry but for its value.
type head struct {
	Kind       string    `json:"kind,omitempty"` // "" where there is only a fence
	Began      Epoch     `json:"began,omitempty"`
	FetchedAt  time.Time `json:"fetched"`
	FreshUntil time.Time `json:"fresh"`
	StaleUntil time.Time `json:"stale"`
	Fence      Epoch     `json:"fence,omitempty"`
	FenceUntil time.Time `json:"until"`
}

// encode writes an entry as two lines of JSON, its head and its value. Equal entries give equal bytes.
func encode(e Entry) ([]byte, error) {
	h := head{Began: e.Began, FetchedAt: e.FetchedAt.UTC(), FreshUntil: e.FreshUntil.UTC(), StaleUntil: e.StaleUntil.UTC(),
		Fence: e.Fence.At, FenceUntil: e.Fence.Until.UTC()}
	if e.Value != nil {
		if h.Kind = kindOf[reflect.TypeOf(e.Value)]; h.Kind == "" {
			return nil, fmt.Errorf("a %T is not stored", e.Value)
		}
	}
	b, err := json.Marshal(h)
	if err != nil || e.Value == nil {
		return b, err
	}
	v, err := json.Marshal(e.Value)
	if err != nil {
		return nil, err
	}
	return append(append(b, '\n'), v...), nil
}

// decode reads what encode wrote.
func decode(b []byte) (Entry, error) {
	first, rest, _ := bytes.Cut(b, []byte("\n"))
	var h head
	if err := json.Unmarshal(first, &h); err != nil {
		return Entry{}, err
	}
	e := Entry{Began: h.Began, FetchedAt: h.FetchedAt, FreshUntil: h.FreshUntil, StaleUntil: h.StaleUntil, Fence: Fence{At: h.Fence, Until: h.FenceUntil}}
	if h.Kind == "" {
		return e, nil
	}
	kind, ok := kinds[h.Kind]
	if !ok {
		return Entry{}, fmt.Errorf("an unknown kind %q", h.Kind)
	}
	t := reflect.TypeOf(kind)
	pointer := t.Kind() == reflect.Pointer
	if pointer {
		t = t.Elem()
	}
	v := reflect.New(t)
	if err := json.Unmarshal(rest, v.Interface()); err != nil {
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

// shape names what entries look like: releases that differ in it do not read each other's. It is made of the types that are
// stored, so that nobody has to think of it.
var shape = sync.OnceValue(func() string {
	types := []reflect.Type{reflect.TypeFor[head]()}
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

// describe writes down a type with all it is made of. Types of other modules are known by their name.
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
