//go:build stock

package stock_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"time"

	"github.com/govalues/decimal"

	"github.com/partnergraph/partnergraph/graph/model"
	"github.com/partnergraph/partnergraph/providers"
)

// values makes random values of Go types.
type values struct {
	r     *rand.Rand
	where string
	depth int
}

// nodes are the types that are a Node.
var nodes = []func() model.Node{
	func() model.Node { return new(providers.Account) },
	func() model.Node { return new(providers.Affiliate) },
	func() model.Node { return new(providers.Membership) },
	func() model.Node { return new(providers.Campaign) },
	func() model.Node { return new(providers.Referral) },
	func() model.Node { return new(providers.Commission) },
	func() model.Node { return new(providers.Payout) },
	func() model.Node { return new(providers.Coupon) },
	func() model.Node { return new(providers.WebhookSubscription) },
}

var texts = []string{"", "plain", `quotes " and \ and /`, "lines\n\r\ttabs", "\x00\x1f control", "ünïcødé €", "\xff\xfe no UTF-8", "<b>&amp;</b>", "\u2028"}

// fill fills what a pointer points to.
func (v *values) fill(target any) { v.set(reflect.ValueOf(target).Elem()) }

func (v *values) set(x reflect.Value) {
	switch p := x.Addr().Interface().(type) {
	case *time.Time:
		*p = time.Unix(v.r.Int64N(4e9), v.r.Int64N(2)*v.r.Int64N(1e9)).In(time.FixedZone("", v.r.IntN(3)*3600))
		return
	case *decimal.Decimal:
		*p = decimal.MustNew(v.r.Int64N(1e9)-5e8, v.r.IntN(5))
		return
	case *json.RawMessage:
		*p = []json.RawMessage{nil, json.RawMessage(`{"a": [1, 2.50, "x"]}`), json.RawMessage(`{no JSON`), json.RawMessage(`null`)}[v.r.IntN(4)]
		return
	case *model.Node:
		if v.r.IntN(8) > 0 {
			*p = nodes[v.r.IntN(len(nodes))]()
			v.set(reflect.ValueOf(*p).Elem())
		}
		return
	case *func(context.Context) (*int64, error):
		n, outcome, where := v.r.Int64(), v.r.IntN(10), v.where
		*p = func(context.Context) (*int64, error) {
			switch outcome {
			case 0:
				return nil, errors.New("no count at " + where)
			case 1:
				panic("counting at " + where)
			case 2:
				return nil, nil
			}
			return &n, nil
		}
		return
	case *func() string:
		text, panics := fmt.Sprint("cursor ", v.r.Int()), v.r.IntN(40) == 0
		*p = func() string {
			if panics {
				panic("no " + text)
			}
			return text
		}
		return
	}
	switch x.Kind() {
	case reflect.Bool:
		x.SetBool(v.r.IntN(2) == 0)
	case reflect.Int, reflect.Int64, reflect.Int32:
		x.SetInt(v.r.Int64N(1 << 30))
	case reflect.String:
		x.SetString(texts[v.r.IntN(len(texts))])
	case reflect.Pointer:
		if v.r.IntN(12) > 0 && v.depth < 8 {
			x.Set(reflect.New(x.Type().Elem()))
			v.down(func() { v.set(x.Elem()) })
		}
	case reflect.Slice:
		if v.r.IntN(8) > 0 && v.depth < 8 {
			x.Set(reflect.MakeSlice(x.Type(), v.r.IntN(4), 4))
			v.down(func() {
				for i := range x.Len() {
					v.set(x.Index(i))
				}
			})
		}
	case reflect.Struct:
		for i := range x.NumField() {
			if x.Type().Field(i).IsExported() {
				v.set(x.Field(i))
			}
		}
	}
}

func (v *values) down(set func()) {
	v.depth++
	set()
	v.depth--
}
