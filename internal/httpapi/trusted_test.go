package httpapi_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/internal/persisted"
)

// TestTrusted wants a document of the manifest found by each way to name it, and roles that
// may send no other refused everything else, before it is parsed.
func TestTrusted(t *testing.T) {
	const document = "query Who { viewer { role } }"
	manifest, err := persisted.ParseManifest([]byte(`{"a1":"` + document + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	var served []httpapi.Served
	h, log := serve(t, func(o *httpapi.Options) {
		o.Auth = auth.New([]auth.Key{
			{Name: "bound", SHA256: sha256.Sum256([]byte("bound")), Role: auth.RoleReader},
			{Name: "free", SHA256: sha256.Sum256([]byte("free")), Role: auth.RoleAdmin},
		}, nil)
		o.Trusted = httpapi.Trusted{Manifest: manifest, Only: []auth.Role{auth.RoleReader, auth.RolePartner}}
		o.Observe = func(s httpapi.Served) { served = append(served, s) }
	})
	hash := persisted.Hash(document)
	get := func(params ...string) string {
		v := url.Values{}
		for i := 0; i < len(params); i += 2 {
			v.Set(params[i], params[i+1])
		}
		return "/graphql?" + v.Encode()
	}
	apq := func(hash string) string {
		return fmt.Sprintf(`{"persistedQuery":{"version":1,"sha256Hash":%q}}`, hash)
	}
	for _, tt := range []struct {
		name, method, target, body string
		bound, free                int // the statuses
		trusted                    bool
	}{
		{"documentId", "POST", "/graphql", `{"documentId":"a1"}`, 200, 200, true},
		{"documentId by hash", "POST", "/graphql", `{"documentId":"sha256:` + hash + `"}`, 200, 200, true},
		{"doc_id", "POST", "/graphql", `{"doc_id":"a1","query":null,"variables":{}}`, 200, 200, true},
		{"persistedQuery", "POST", "/graphql", `{"extensions":` + apq(hash) + `}`, 200, 200, true},
		{"documentId by GET", "GET", get("documentId", "a1"), "", 200, 200, true},
		{"doc_id by GET", "GET", get("doc_id", "a1"), "", 200, 200, true},
		{"persistedQuery by GET", "GET", get("extensions", apq(hash)), "", 200, 200, true},
		{"the document", "POST", "/graphql", `{"query":"` + document + `"}`, 200, 200, true},
		{"another document", "POST", "/graphql", `{"query":"` + document + ` "}`, 403, 200, false},
		{"an invalid one", "POST", "/graphql", `{"query":"{"}`, 403, 400, false},
		{"another with its hash", "POST", "/graphql", `{"query":"{ viewer { name } }","extensions":` + apq(persisted.Hash("{ viewer { name } }")) + `}`, 403, 200, false},
		{"the hash alone, then", "POST", "/graphql", `{"extensions":` + apq(persisted.Hash("{ viewer { name } }")) + `}`, 403, 200, false},
		{"an unknown id", "POST", "/graphql", `{"documentId":"a2"}`, 400, 400, false},
		{"id and document", "POST", "/graphql", `{"documentId":"a1","query":"` + document + `"}`, 422, 422, false},
		{"an id that is no text", "POST", "/graphql", `{"documentId":1}`, 422, 422, false},
	} {
		for _, key := range []string{"free", "bound"} {
			want := tt.free
			if key == "bound" {
				want = tt.bound
			}
			served = nil
			w := send(h, tt.method, tt.target, strings.NewReader(tt.body), "Accept", graphqlResponse, "Authorization", "Bearer "+key)
			a := decode(t, w)
			if w.Code != want || (a.Data != nil) != (want == http.StatusOK) {
				t.Errorf("%s, %s: %d %s, want %d", tt.name, key, w.Code, w.Body, want)
			}
			if len(served) != 1 || (served[0].Trusted == "Who") != tt.trusted {
				t.Errorf("%s, %s: metrics are told %+v", tt.name, key, served)
			}
		}
	}
	if !strings.Contains(log.String(), "persisted_operations.only") {
		t.Errorf("the log does not say why: %s", log)
	}
}
