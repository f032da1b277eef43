package httpapi

import (
	"bytes"
	"encoding/json"

	"github.com/vektah/gqlparser/v2/ast"
)

// This file reads members of JSON objects that clients send, and decodes no other: a value
// of a few bytes takes a hundred times as many when it is decoded, and clients may send
// what nobody reads.

// jsonSpace is the white space of JSON.
const jsonSpace = " \t\r\n"

// isObject says whether a valid JSON text is an object.
func isObject(text []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(text, jsonSpace), []byte("{")) }

// isNull says whether a valid JSON text is null.
func isNull(text []byte) bool { return string(bytes.Trim(text, jsonSpace)) == "null" }

// pick sets the members of a valid JSON object of which the map has the names. Of several
// of one name the last counts. The values are parts of the object's text.
func pick(object []byte, members map[string]json.RawMessage) {
	rest := bytes.TrimLeft(object, jsonSpace)[1:]
	for {
		rest = bytes.TrimLeft(rest, jsonSpace+",")
		if rest[0] == '}' {
			return
		}
		n := valueEnd(rest)
		name := rest[1 : n-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			var text string
			_ = json.Unmarshal(rest[:n], &text) // it is valid
			name = []byte(text)
		}
		rest = bytes.TrimLeft(rest[n:], jsonSpace+":")
		n = valueEnd(rest)
		if _, wanted := members[string(name)]; wanted {
			members[string(name)] = rest[:n]
		}
		rest = rest[n:]
	}
}

// valueEnd is where the JSON value ends with which a valid text begins.
func valueEnd(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // of what the value is in
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// countValues counts the values of a valid JSON text, or somewhat more: each but the first
// follows a comma or the beginning of a list or an object.
func countValues(text []byte) int {
	n, quoted := 1, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && (c == ',' || c == '{' || c == '['):
			n++
		}
	}
	return n
}

// decode decodes the variables that the operation has, and counts what is kept of the
// request while it is executed: each value of a variable as a field value, and each KiB of
// a parsed document that is not small as another.
func (q *request) decode(doc *ast.QueryDocument) {
	if len(q.Query) > minDocument {
		q.held = documentSize(q.Query, doc) >> 10
	}
	sent := q.variables
	q.variables, q.Variables = nil, nil
	op := doc.Operations.ForName(q.OperationName)
	if op == nil || len(op.VariableDefinitions) == 0 || !isObject(sent) {
		return
	}
	members := make(map[string]json.RawMessage, len(op.VariableDefinitions))
	for _, v := range op.VariableDefinitions {
		members[v.Variable] = nil
	}
	pick(sent, members)
	q.Variables = make(map[string]any, len(members))
	for name, text := range members {
		if text == nil {
			continue
		}
		q.held += countValues(text)
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber() // the schema says what a number is
		var value any
		_ = d.Decode(&value) // it is valid
		q.Variables[name] = value
	}
}

// pack undoes decode: the variables that were decoded are a text again, which is smaller.
func (q *request) pack() {
	if q.Variables != nil {
		q.variables, _ = json.Marshal(q.Variables) // they are made of JSON
	}
	q.Variables, q.held = nil, 0
}
