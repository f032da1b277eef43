package wire

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Failed says whether the envelope of a reply says that the call failed, and with which
// HTTP status; 0 where it names none. It is asked of replies whose own status says that the
// call succeeded: a vendor, or a proxy on the way, may tell a failure in the body alone.
// The body is valid JSON.
//
// Each of these members is a sign of failure: a success that is not true; a status or code
// that is neither a number of 2xx nor a word of [successWords]; an error, or errors, that
// is not empty; data that is false. Null is no sign. Only the outermost object is looked
// at. If it has an id and no data, then it is a record by itself, whose other members are
// the record's own.
func Failed(body []byte) (status int, failed bool) {
	if body = bytes.TrimSpace(body); len(body) == 0 || body[0] != '{' {
		return 0, false
	}
	members, ok := membersOf(body, maxMembersRead)
	if !ok {
		return 0, false // no envelope has so many members, and whoever decodes it takes it for none
	}
	if raw, ok := members["success"]; ok && !isNull(raw) && !isSuccess(raw) {
		failed = true
	}
	if id, ok := members["id"]; ok && !isNull(id) && members["data"] == nil {
		return 0, failed
	}
	for _, name := range []string{"status", "code"} {
		if raw, ok := members[name]; ok && tells(raw) && !isSuccess(raw) {
			failed = true
			text, _ := scalar(raw)
			if n, err := strconv.Atoi(text); err == nil && n >= 400 && n < 600 && status == 0 {
				status = n
			}
		}
	}
	failed = failed || string(members["data"]) == "false"
	return status, failed || !Empty(members["error"]) || !Empty(members["errors"])
}

// successWords are the words for success, in lower case.
var successWords = []string{"true", "1", "success", "successful", "succeeded", "ok", "completed", "created", "accepted"}

// isSuccess says whether a value is a word for success, or a status of 2xx.
func isSuccess(raw []byte) bool {
	text, ok := scalar(raw)
	if !ok {
		return false
	}
	text = strings.ToLower(strings.TrimSpace(text))
	status, err := strconv.ParseFloat(text, 64)
	return slices.Contains(successWords, text) || err == nil && status >= 200 && status < 300
}

// tells says whether a value is a number, a boolean, or a text that is not blank.
func tells(raw []byte) bool {
	text, ok := scalar(raw)
	return ok && !isNull(raw) && strings.TrimSpace(text) != ""
}

// Empty says whether a value of valid JSON says nothing: it is absent, null, false, zero or
// a blank text, or an array or object with nothing but such values.
func Empty(raw json.RawMessage) bool { return empty(bytes.TrimSpace(raw), 8) }

// empty looks so many arrays and objects deep. What is deeper, or has many elements, is not
// empty.
func empty(raw json.RawMessage, depth int) bool {
	if len(raw) == 0 {
		return true
	}
	switch raw[0] {
	case '[', '{':
		elements := split(raw, maxMembersRead+1)
		if depth == 0 || len(elements) > maxMembersRead {
			return false
		}
		return !slices.ContainsFunc(elements, func(e json.RawMessage) bool {
			if raw[0] == '{' {
				_, e = cutName(e)
			}
			return !empty(e, depth-1)
		})
	case '"':
		text, ok := scalar(raw)
		return ok && strings.TrimSpace(text) == ""
	case 'n', 'f':
		return true
	}
	number, err := strconv.ParseFloat(string(raw), 64)
	return err == nil && number == 0
}
