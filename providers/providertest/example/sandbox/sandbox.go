// Package sandbox speaks the API of the example vendor over HTTP, telling of a seeded
// world. The vendor is invented; see
// [github.com/partnergraph/partnergraph/providers/providertest/example].
//
// Lists are newest first, and unknown parameters are ignored. Rewards in points are left out.
package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// APIKey is the one key that the simulator accepts.
const APIKey = "sandbox-example-key"

// Server is a simulated account. It is safe for concurrent use.
type Server struct {
	*sandbox.Service
	world *sandbox.World
}

var _ providers.Simulator = (*Server)(nil)

// New makes a simulator and its world.
func New(o providers.SandboxOptions) *Server {
	s := &Server{world: sandbox.NewWorld(o.Size, o.Seed, o.Now())}
	kit := sandbox.NewKit(sandbox.KitOptions{
		Now: o.Now, Limit: 100, Window: time.Minute,
		TooMany: func(w http.ResponseWriter, _ time.Duration) { refuse(w, nil, http.StatusTooManyRequests) },
		Shape: sandbox.Shape{
			Page: "page", Size: "per_page", Totals: []string{"total"},
			Lists: []sandbox.ListShape{{Path: "/affiliates"}, {Path: "/commissions"}},
		},
	})
	var affiliates, commissions []any // oldest first
	for i := range s.world.Affiliates {
		affiliates = append(affiliates, s.affiliate(i))
	}
	for i := range s.world.Commissions {
		if !s.world.Commissions[i].Points {
			commissions = append(commissions, s.commission(i))
		}
	}
	slices.Reverse(affiliates)
	slices.Reverse(commissions)
	endpoints := sandbox.Endpoints{
		"/affiliates":       get(list(affiliates)),
		"/affiliates/{id}":  get(single(affiliates)),
		"/commissions":      get(list(commissions)),
		"/commissions/{id}": get(single(commissions)),
	}
	s.Service = sandbox.NewService(kit, map[string]string{"api_key": APIKey}, s.world.Currency, authorize, endpoints.Handler(refuse))
	return s
}

// authorize answers a call without the key, and says that it did.
func authorize(w http.ResponseWriter, r *http.Request) (refused bool) {
	if refused = r.Header.Get("X-Api-Key") != APIKey; refused {
		refuse(w, r, http.StatusUnauthorized)
	}
	return refused
}

// refuse answers an error.
func refuse(w http.ResponseWriter, _ *http.Request, status int) {
	sandbox.Answer(w, status, map[string]any{"error": map[string]string{"message": http.StatusText(status)}})
}

func get(h http.HandlerFunc) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{http.MethodGet: h}
}

// row is a record of a list.
type row interface {
	number() int64
	matches(query url.Values) bool
}

// list answers a page of the rows that match.
func list(rows []any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		page, size := positive(query.Get("page"), 1), positive(query.Get("per_page"), 25)
		if page == 0 || size == 0 || size > 100 {
			refuse(w, r, http.StatusUnprocessableEntity)
			return
		}
		matching, data := 0, []any{}
		for _, record := range rows {
			if !record.(row).matches(query) {
				continue
			}
			if matching/size == page-1 {
				data = append(data, record)
			}
			matching++
		}
		sandbox.Answer(w, http.StatusOK, map[string]any{"data": data, "total": matching})
	}
}

// single answers a record by its number.
func single(rows []any) http.HandlerFunc {
	byNumber := map[string]any{}
	for _, record := range rows {
		byNumber[strconv.FormatInt(record.(row).number(), 10)] = record
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if record, ok := byNumber[r.PathValue("id")]; ok {
			sandbox.Answer(w, http.StatusOK, map[string]any{"data": record})
			return
		}
		refuse(w, r, http.StatusNotFound)
	}
}

// positive reads a positive number; 0 for what is none.
func positive(text string, otherwise int) int {
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0
	}
	return n
}
