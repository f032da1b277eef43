package wire

import (
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// TestMarkPart wants a record inside another one to know no field that it tells in a form
// that cannot be read. An empty array or object stands for null, which can be.
func TestMarkPart(t *testing.T) {
	core := &Core{Knowledge: NewKnowledge(nil, map[string]string{"email": "email", "name": "first_name last_name"})}
	for body, want := range map[string]struct{ email, name bool }{
		`{"id":1,"email":"a","first_name":"A","last_name":"B"}`:     {true, true},
		`{"id":1,"email":null,"first_name":"A","last_name":""}`:     {true, true},
		`{"id":1,"email":[],"first_name":"A","last_name":{}}`:       {true, true},
		`{"id":1,"email":["a"],"first_name":"A","last_name":"B"}`:   {false, true},
		`{"id":1,"email":"a","first_name":"A","last_name":true}`:    {true, false},
		`{"id":1,"email":{"a":1},"first_name":[1],"last_name":"B"}`: {false, false},
	} {
		for _, known := range []*providers.Fields{nil, providers.Only("email", "name")} {
			var p named
			if _, err := Decode([]byte(body), &p); err != nil {
				t.Fatal(err)
			}
			a := MarkPart(core, &p, &providers.Affiliate{Node: providers.Node{Known: known}})
			if a.Known.Covers("email") != want.email || a.Known.Covers("name") != want.name {
				t.Errorf("%s knows %+v", body, a.Known)
			}
			if a.IsUnread("email") == want.email || a.IsUnread("name") == want.name {
				t.Errorf("%s: unread are %q", body, a.Unread)
			}
		}
	}
}

// TestRelatedIDs: a related record that cannot be called by its id is odd, in whatever form
// the id came. Null is none.
func TestRelatedIDs(t *testing.T) {
	for related, odd := range map[string]bool{
		`"12"`: false, `12`: false, `{"id":12}`: false, `null`: false, `""`: false, `{"id":null}`: false, `{}`: false,
		`"text"`: true, `true`: true, `{"id":"text"}`: true, `{"id":[]}`: true, `{"name":"text"}`: true,
	} {
		var row struct {
			Members
			Owner Related[person] `json:"owner"`
		}
		if _, err := Decode([]byte(`{"owner":`+related+`}`), &row); err != nil {
			t.Fatal(err)
		}
		if row.Odd("owner") != odd {
			t.Errorf("%s is odd: %v", related, !odd)
		}
	}
}

// named is a record with a name of two parts.
type named struct {
	person
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
}
