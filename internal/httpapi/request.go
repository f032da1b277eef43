package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"github.com/partnergraph/partnergraph/internal/apierror"
)

// allowed are the methods of /graphql, for the header Allow.
const allowed = "GET, POST, OPTIONS"

// request is what a request asks for.
type request struct {
	graphql.RawParams
	variables json.RawMessage // all that the client sent; those that the operation has are decoded later
	held      int             // what is kept of the request while it is executed, as field values
	hash      string          // of the document, where the client gives it; then it may leave out the document
	id        string          // of a document of the manifest, in the place of the document; "" for none
	keep      bool            // the document came with its hash
}

// read is what a request asks for, or why it cannot be understood. No text of it repeats
// what was sent.
func (t transport) read(w http.ResponseWriter, r *http.Request) (*request, *refusal) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return nil, notAllowed(allowed, "this method is not for GraphQL: send POST, or GET for queries")
	}
	if n := size(r.Header["Accept"]); n > maxAccept {
		return nil, &refusal{
			status: http.StatusNotAcceptable,
			err:    exceeded("header", int64(n), maxAccept, "", "the header Accept has %d bytes, and %d are allowed"),
		}
	}
	if _, ok := negotiate(r.Header["Accept"]); !ok {
		return nil, refused(
			http.StatusNotAcceptable,
			apierror.BadUserInput,
			"the header Accept leaves neither "+graphqlResponse+" nor "+plainJSON+", in UTF-8",
		)
	}
	members := map[string]json.RawMessage{
		"query": nil, "operationName": nil, "variables": nil, "extensions": nil,
		"documentId": nil, "doc_id": nil, // as the draft of persisted operations and Relay have it
	}
	var bad *refusal
	if r.Method == http.MethodGet {
		bad = t.inURL(r, members)
	} else {
		var pass *pass
		if pass, bad = t.receive(r); bad == nil {
			defer pass.leave()
			bad = t.inBody(w, r, members)
		}
	}
	if bad != nil {
		return nil, bad
	}
	params := &request{}
	extensions := json.RawMessage{}
	for _, m := range []struct {
		name, want string
		dst        any
	}{
		{"query", "a string", &params.Query},
		{"operationName", "a string", &params.OperationName},
		{"variables", "an object", &params.variables},
		{"extensions", "an object", &extensions},
		{"documentId", "a string", &params.id},
		{"doc_id", "a string", &params.id},
	} {
		text := members[m.name]
		if text == nil {
			continue // null is as good: it sets nothing
		}
		_, object := m.dst.(*json.RawMessage)
		if json.Unmarshal(text, m.dst) != nil || object && !isObject(text) && !isNull(text) {
			return nil, malformed("`%s` is not %s in JSON", m.name, m.want)
		}
	}
	if bad := params.readHash(extensions); bad != nil {
		return nil, bad
	}
	switch {
	case params.id != "" && (params.Query != "" || params.hash != ""):
		return nil, malformed("the request has a `documentId` and a `query` or a hash: send one of them")
	case params.Query == "" && params.hash == "" && params.id == "":
		return nil, malformed("the request has no `query`")
	}
	return params, nil
}

// unreadable is a refusal of what cannot be parsed.
func unreadable(text string) *refusal {
	return refused(http.StatusBadRequest, apierror.BadUserInput, text)
}

// malformed is a refusal of what can be parsed and is not a GraphQL request.
func malformed(format string, args ...any) *refusal {
	bad := refused(http.StatusUnprocessableEntity, apierror.BadUserInput, fmt.Sprintf(format, args...))
	bad.plain = http.StatusBadRequest
	return bad
}

// inURL reads the members of a GET request, each as JSON. Of several of one name the first
// counts.
func (t transport) inURL(r *http.Request, members map[string]json.RawMessage) *refusal {
	if n := int64(len(r.URL.RawQuery)); n > t.body {
		return &refusal{
			status: http.StatusRequestURITooLong,
			err:    exceeded("body", n, t.body, "", "the request's URL has %d bytes behind the ?, and %d are allowed"),
		}
	}
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, text, _ := strings.Cut(pair, "=")
		name, wrongName := url.QueryUnescape(name)
		text, wrongText := url.QueryUnescape(text)
		if wrongName != nil || wrongText != nil || strings.Contains(pair, ";") {
			return unreadable("the request's URL is not well-formed behind the ?")
		}
		if !utf8.ValidString(text) {
			return unreadable("the request's URL is not UTF-8 behind the ?")
		}
		if known, ok := members[name]; !ok || known != nil {
			continue
		}
		switch {
		case name == "query" || name == "operationName" || name == "documentId" || name == "doc_id":
			members[name], _ = json.Marshal(text)
		case text == "":
			members[name] = json.RawMessage("null")
		default:
			members[name] = json.RawMessage(text)
		}
	}
	return nil
}

// token is what a header may name: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2.
var token = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}$")

// contentCoding is the first coding of a body that is not identity, by its name where that can be shown; "" where there is none.
func contentCoding(h http.Header) string {
	for coding := range strings.SplitSeq(strings.Join(h.Values("Content-Encoding"), ","), ",") {
		switch coding = strings.TrimSpace(coding); {
		case coding == "" || strings.EqualFold(coding, "identity"):
		case token.MatchString(coding):
			return strings.ToLower(coding)
		default:
			return "of an unknown name"
		}
	}
	return ""
}

// receive waits for room for a request's body.
func (t transport) receive(r *http.Request) (*pass, *refusal) {
	bytes := r.ContentLength
	if bytes < 0 || bytes > t.body { // it is not said, or refused later
		bytes = t.body
	}
	pass := t.load.read.enter(r.Context(), max(bytes, minDocument))
	if pass == nil {
		return nil, overloaded("limits.load")
	}
	return pass, nil
}

// inBody reads the members of a POST request. There may be more than GraphQL knows.
func (t transport) inBody(w http.ResponseWriter, r *http.Request, members map[string]json.RawMessage) *refusal {
	object, bad := t.object(w, r)
	if bad == nil {
		pick(object, members)
	}
	return bad
}

// object reads the body of a POST request, a JSON object.
func (t transport) object(w http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	if name, params, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || name != plainJSON || !isUTF8(params) {
		return nil, refused(http.StatusUnsupportedMediaType, apierror.BadUserInput, "the header Content-Type has to be "+plainJSON+", in UTF-8")
	}
	if coding := contentCoding(r.Header); coding != "" {
		bad := refused(
			http.StatusUnsupportedMediaType,
			apierror.BadUserInput,
			"the request's body has the Content-Encoding "+coding+": send it as it is, without one",
		)
		bad.takes = "identity"
		return nil, bad
	}
	if r.ContentLength > t.body {
		return nil, &refusal{
			status: http.StatusRequestEntityTooLarge,
			err:    exceeded("body", r.ContentLength, t.body, "", "the request's body has %d bytes, and %d are allowed"),
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, t.body))
	if errors.As(err, new(*http.MaxBytesError)) { // how large, it did not say
		return nil, &refusal{
			status: http.StatusRequestEntityTooLarge,
			err:    exceeded("body", t.body+1, t.body, "", "the request's body has %d bytes or more, and %d are allowed"),
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, refused(http.StatusRequestTimeout, apierror.BadUserInput, "the request's body did not come in time")
	}
	if err != nil {
		return nil, unreadable("the request's body ended early")
	}
	body = bytes.TrimPrefix(body, []byte("\uFEFF"))
	if !utf8.Valid(body) {
		return nil, unreadable("the request's body is not UTF-8")
	}
	valid := json.Valid(body)
	if valid && bytes.HasPrefix(bytes.TrimLeft(body, jsonSpace), []byte("[")) {
		return nil, malformed("the request's body is a batch, a JSON array of requests: send each request by itself")
	}
	if !valid {
		return nil, unreadable("the request's body is not JSON")
	}
	if !isObject(body) {
		return nil, malformed("the request's body is not a JSON object")
	}
	return body, nil
}
