package cache_test

import (
	"testing"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/providers"
)

// A key is what it was when it has been a text, whatever stands in its last part.
func FuzzKey(f *testing.F) {
	for _, local := range []string{"", "1", "a/b", "2/a", "/", "\x00\xff"} {
		f.Add("a-1", "Affiliate", 1, local)
	}
	f.Fuzz(func(t *testing.T, account, noun string, number int, local string) {
		for _, part := range []string{account, noun} {
			for i := range len(part) {
				if part[i] == '/' {
					t.Skip("no account and no noun has a slash")
				}
			}
		}
		for _, k := range []cache.Key{
			{Kind: cache.KindRecord, Local: local}, {Kind: cache.KindPage, Number: number, Local: local},
			{Kind: cache.KindCount, Local: local}, {Kind: cache.KindLists},
		} {
			k.Account, k.Noun = account, providers.Noun(noun)
			if got, err := cache.ParseKey(k.String()); got != k || err != nil {
				t.Errorf("%q is %+v, %v; want %+v", k.String(), got, err, k)
			}
		}
	})
}

// What is no key is refused: a replica of another release may send it.
func TestNoKeys(t *testing.T) {
	for _, text := range []string{"", "a-1", "a-1/record", "a-1/record/Affiliate", "a-1/other/Affiliate/1", "a-1/page/Affiliate/x/list",
		"a-1/page/Affiliate/01/list", "a-1/page/Affiliate/1", "a-1/lists/Affiliate/1"} {
		if k, err := cache.ParseKey(text); err == nil {
			t.Errorf("%q is read as %+v", text, k)
		}
	}
}
