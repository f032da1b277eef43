package httpapi_test

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/httpapi"
)

// TestSlowBody wants a request whose body does not come in time answered with 408.
func TestSlowBody(t *testing.T) {
	h, _ := serve(t, nil)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The time is over, as after ReadTimeout of the server.
		if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
			t.Error(err)
		}
		h.ServeHTTP(w, r)
	}))
	server.Start()
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || response.StatusCode != http.StatusRequestTimeout {
		t.Errorf("%v, %+v", err, response)
	}
}

// TestRefusedByRole wants an operation that the viewer's role may not ask for answered as
// forbidden.
func TestRefusedByRole(t *testing.T) {
	h, _ := serve(t, func(o *httpapi.Options) {
		o.Auth = auth.New([]auth.Key{{Name: "dashboard", SHA256: sha256.Sum256([]byte("read")), Role: auth.RoleReader}}, nil)
	})
	for accept, want := range map[string]int{plainJSON: http.StatusOK, graphqlResponse: http.StatusForbidden} {
		w := send(h, http.MethodPost, "/graphql", strings.NewReader(`{"query":"mutation { deleteWebhookSubscription(input: { idempotencyKey: \"abcdefgh\", id: \"x\" }) { userErrors { code } } }"}`),
			"Authorization", "Bearer read", "Accept", accept)
		if a := decode(t, w); w.Code != want || a.Data != nil || len(a.Errors) != 1 || a.Errors[0].Extensions.Code != "FORBIDDEN" {
			t.Errorf("%s: %d %s, want %d", accept, w.Code, w.Body, want)
		}
	}
}
