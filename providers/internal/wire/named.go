package wire

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

// Another says whether the reply to a write is about another record than the request names:
// it proves nothing of the write then. op and path are as in a request, "PUT /things/{id}"
// and "/things/7"; the bodies are JSON. A member that the reply lacks, or that has no
// usable form, says nothing.
//
// An id at the end of the path is the record's own: its "id" has to be equal. An id
// anywhere in the path is also compared with the member that is named after what stands
// before it ("thing_id"). Each member of the request's body that ends with "_id" names a
// record, too. The reply tells it by the same name, or by an object without the ending.
// Only ids of one form are compared, numbers or UUIDs: anything else may be an odd value,
// which costs no more than its field.
func Another(op, path string, request, reply []byte) bool {
	record := recordOf(reply)
	if record == nil {
		return false
	}
	_, template, _ := strings.Cut(op, " ")
	names, segments := strings.Split(template, "/"), strings.Split(path, "/")
	for i, name := range names {
		if i == 0 || name != "{id}" || len(segments) != len(names) {
			continue
		}
		if i == len(names)-1 && differ(record["id"], segments[i]) {
			return true
		}
		if differ(record[strings.TrimSuffix(names[i-1], "s")+"_id"], segments[i]) {
			return true
		}
	}
	for name, value := range recordOf(request) {
		id, ok := idOf(value)
		related, names := strings.CutSuffix(name, "_id")
		if !ok || !names {
			continue
		}
		object := record[related]
		if differ(record[name], id) || len(object) > 0 && object[0] == '{' && differ(object, id) {
			return true
		}
	}
	return false
}

// recordOf are the members of the one record in a body: the outermost object, its data, or
// the only element of a list; nil where there is not one.
func recordOf(body []byte) map[string]json.RawMessage {
	body = bytes.TrimSpace(body)
	for range 3 {
		if len(body) == 0 {
			return nil
		}
		switch body[0] {
		case '[':
			elements := split(body, 2)
			if len(elements) != 1 {
				return nil
			}
			body = elements[0]
		case '{':
			members, ok := membersOf(body, maxMembersRead)
			if !ok {
				return nil
			}
			data, enveloped := members["data"]
			if !enveloped || data[0] != '{' && data[0] != '[' {
				return members
			}
			body = data
		default:
			return nil
		}
	}
	return nil
}

// differ says whether a value is an id, or an object with one, that is another than this.
func differ(value json.RawMessage, id string) bool {
	there, ok := idOf(value)
	return ok && idForm.MatchString(there) && idForm.MatchString(id) && len(there) == 36 == (len(id) == 36) && !strings.EqualFold(there, id)
}

// idForm is the form of the vendors' ids.
var idForm = regexp.MustCompile(`^([1-9][0-9]{0,18}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$`)

// idOf is the id that a value is, or has; ok is false where it is none.
func idOf(value json.RawMessage) (id string, ok bool) {
	if len(value) == 0 {
		return "", false
	}
	if value[0] == '{' {
		members, read := membersOf(value, maxMembersRead)
		if value = members["id"]; !read || len(value) == 0 || value[0] == '{' {
			return "", false
		}
	}
	id, ok = textOf(value)
	id = strings.TrimSpace(id)
	return id, ok && id != ""
}
