package providers_test

import (
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// everyFields are all Fields that can be made of three names, with the names each knows.
// "other" stands for the names that none of them was made from.
func everyFields() map[*providers.Fields]map[string]bool {
	names := []string{"a", "b", "c"}
	all := map[*providers.Fields]map[string]bool{nil: {"id": true, "a": true, "b": true, "c": true, "other": true}}
	for bits := range 1 << len(names) {
		var chosen []string
		only, allBut := map[string]bool{"id": true}, map[string]bool{"id": true, "other": true}
		for i, n := range names {
			in := bits&(1<<i) != 0
			if in {
				chosen = append(chosen, n)
			}
			only[n], allBut[n] = in, !in
		}
		all[providers.Only(chosen...)] = only
		all[providers.AllBut(chosen...)] = allBut
	}
	return all
}

func TestFieldsCovers(t *testing.T) {
	for f, knows := range everyFields() {
		names, except := f.Names()
		if got, want := f.Covers(), f == nil; got != want {
			t.Errorf("%q (except %v) covers everything: %v; want %v", names, except, got, want)
		}
		for _, one := range []string{"id", "a", "b", "c", "other"} {
			for _, two := range []string{"id", "a", "b", "c", "other"} {
				if got, want := f.Covers(one, two), knows[one] && knows[two]; got != want {
					t.Errorf("%q (except %v) covers %s and %s: %v; want %v", names, except, one, two, got, want)
				}
			}
		}
	}
}

// With and Without differ from what they are made of in one field.
func TestFieldsWithAndWithout(t *testing.T) {
	for f, knows := range everyFields() {
		for _, changed := range []string{"a", "other"} {
			for _, name := range []string{"id", "a", "b", "c", "other"} {
				if got, want := f.With(changed).Covers(name), knows[name] || name == changed; got != want {
					t.Errorf("%v with %s covers %s: %v; want %v", f, changed, name, got, want)
				}
				if got, want := f.Without(changed).Covers(name), knows[name] && name != changed; got != want {
					t.Errorf("%v without %s covers %s: %v; want %v", f, changed, name, got, want)
				}
			}
		}
	}
}

// CoversAll is: whatever g covers, f covers.
func TestFieldsCoversAll(t *testing.T) {
	every := everyFields()
	for f, fKnows := range every {
		for g, gKnows := range every {
			want := f == nil || g != nil
			for n, known := range gKnows {
				want = want && (!known || fKnows[n])
			}
			if got := f.CoversAll(g); got != want {
				fNames, fExcept := f.Names()
				gNames, gExcept := g.Names()
				t.Errorf("%q (except %v) knows at least what %q (except %v) does: %v; want %v", fNames, fExcept, gNames, gExcept, got, want)
			}
		}
	}
}

func TestFieldsAreStored(t *testing.T) {
	for f := range everyFields() {
		if f == nil {
			continue // is not stored
		}
		b, err := f.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		got := new(providers.Fields)
		if err := got.UnmarshalBinary(b); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if !got.CoversAll(f) || !f.CoversAll(got) {
			t.Errorf("%s is read as %+v; want %+v", b, got, f)
		}
	}
	for _, b := range []string{"", "id", "null"} {
		if err := new(providers.Fields).UnmarshalBinary([]byte(b)); err == nil {
			t.Errorf("%q is read", b)
		}
	}
}
