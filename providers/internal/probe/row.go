package probe

import (
	"encoding/json"
)

// Row is a record of a reply. Judges read it; nothing else does.
type Row map[string]json.RawMessage

// Text is the text or number at this place; "" for none, null, and anything else. A related
// record may be an object or its id alone, so that "affiliate", "id" also reads a bare
// "affiliate".
func (r Row) Text(path ...string) string {
	raw := r[path[0]]
	if len(path) > 1 {
		var inside Row
		if json.Unmarshal(raw, &inside) == nil {
			return inside.Text(path[1:]...)
		}
		if len(path) > 2 || path[1] != "id" {
			return ""
		}
	}
	var text string
	var number json.Number
	switch {
	case json.Unmarshal(raw, &text) == nil:
		return text
	case json.Unmarshal(raw, &number) == nil:
		return number.String()
	}
	return ""
}

// Elements is the length of an array; 0 for anything else.
func (r Row) Elements(name string) int {
	var elements []json.RawMessage
	_ = json.Unmarshal(r[name], &elements) // no array has no elements
	return len(elements)
}

// replyOf reads a list, which is the whole reply or its member "data". list is false if there is
// none.
func replyOf(status int, body []byte) (r Reply, list bool) {
	var elements []json.RawMessage
	if json.Unmarshal(body, &elements) != nil || elements == nil {
		var envelope struct {
			Data json.RawMessage `json:"data"`
		}
		if json.Unmarshal(body, &envelope) != nil || json.Unmarshal(envelope.Data, &elements) != nil || elements == nil {
			return Reply{Status: status}, false
		}
	}
	r = Reply{Status: status, Sent: len(elements)}
	for _, raw := range elements {
		var row Row
		if json.Unmarshal(raw, &row) == nil && row != nil {
			r.Rows = append(r.Rows, row)
		}
	}
	return r, true
}
