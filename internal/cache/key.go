package cache

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
)

// Key names an entry of a [Store].
type Key struct {
	Account string // has no slash
	Kind    Kind
	Noun    providers.Noun
	Number  int    // of a page; else 0
	Local   string // of a record, its id at the vendor; of a page or a count, its list; else ""
}

// Kind is what an entry stands for.
type Kind string

// The kinds.
const (
	KindRecord Kind = "record" // a record, or that there is none
	KindPage   Kind = "page"   // a page of a list
	KindCount  Kind = "count"  // the length of a list
	KindLists  Kind = "lists"  // the Family of a noun
)

func recordKey(id providers.ID) Key {
	id = id.Record()
	return Key{Account: id.Account, Kind: KindRecord, Noun: id.Noun, Local: id.Local}
}

func (c *Cache) pageKey(noun providers.Noun, list string, number int) Key {
	return Key{Account: c.account, Kind: KindPage, Noun: noun, Number: number, Local: list}
}

func (c *Cache) countKey(noun providers.Noun, list string) Key {
	return Key{Account: c.account, Kind: KindCount, Noun: noun, Local: list}
}

func (c *Cache) familyKey(noun providers.Noun) Key {
	return Key{Account: c.account, Kind: KindLists, Noun: noun}
}

// String is the key as Redis, the replicas' channel and traces have it. What may hold
// anything comes last.
func (k Key) String() string {
	text := k.Account + "/" + string(k.Kind) + "/" + string(k.Noun)
	switch k.Kind {
	case KindLists:
		return text
	case KindPage:
		return text + "/" + strconv.Itoa(k.Number) + "/" + k.Local
	}
	return text + "/" + k.Local
}

// ParseKey reads what String wrote.
func ParseKey(text string) (Key, error) {
	parts := strings.SplitN(text, "/", 4)
	bad := fmt.Errorf("%q is no key of an entry", text)
	if len(parts) < 3 {
		return Key{}, bad
	}
	k := Key{Account: parts[0], Kind: Kind(parts[1]), Noun: providers.Noun(parts[2])}
	if k.Kind == KindLists && len(parts) == 3 {
		return k, nil
	}
	if len(parts) < 4 {
		return Key{}, bad
	}
	switch k.Local = parts[3]; k.Kind {
	case KindRecord, KindCount:
		return k, nil
	case KindPage:
		number, list, ok := strings.Cut(k.Local, "/")
		n, err := strconv.Atoi(number)
		if !ok || err != nil || strconv.Itoa(n) != number {
			return Key{}, bad
		}
		k.Number, k.Local = n, list
		return k, nil
	}
	return Key{}, bad
}

// texts are keys as Redis has them.
func texts(keys []Key) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = k.String()
	}
	return out
}
