package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Service is a simulated account: it serves endpoints behind a [Kit] and answers what
// [providers.Simulator] asks. A vendor's simulator embeds it. It is safe for concurrent use.
type Service struct {
	kit         *Kit
	credentials map[string]string
	currency    string
	handler     http.Handler
	mu          sync.RWMutex // held while a call is served; by writes alone
}

// NewService makes a service. The endpoints see one write at a time, and no read meanwhile;
// authorize answers calls without the right credentials, and says that it did.
func NewService(
	kit *Kit,
	credentials map[string]string,
	currency string,
	authorize func(http.ResponseWriter, *http.Request) (refused bool),
	endpoints http.Handler,
) *Service {
	s := &Service{kit: kit, credentials: credentials, currency: currency}
	s.handler = kit.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if authorize(w, r) {
			return
		}
		if r.Method == http.MethodGet {
			s.mu.RLock()
			defer s.mu.RUnlock()
			endpoints.ServeHTTP(w, r)
			return
		}
		s.Write(func() { endpoints.ServeHTTP(w, r) }) // the kit has read the body before
	}))
	return s
}

// ServeHTTP answers a call. Paths are those below the vendor's base URL.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Write has do change the account as a write does: nothing is read or written meanwhile.
func (s *Service) Write(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

// Credentials are those that are accepted, by the names in the vendor's factory.
func (s *Service) Credentials() map[string]string { return maps.Clone(s.credentials) }

// Currency is that of the amounts.
func (s *Service) Currency() string { return s.currency }

// Kit steers the simulator: faults, latency, switches and the log of calls.
func (s *Service) Kit() *Kit { return s.kit }

// Endpoints are what a vendor's API can do, by path and method. Paths are patterns of
// [http.ServeMux].
type Endpoints map[string]map[string]http.HandlerFunc

// Handler serves the endpoints. refuse answers what is not among them, with 404 or 405.
func (e Endpoints) Handler(refuse func(w http.ResponseWriter, r *http.Request, status int)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { refuse(w, r, http.StatusNotFound) })
	for path, methods := range e {
		allowed := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if serve := methods[r.Method]; serve != nil {
				serve(w, r)
				return
			}
			w.Header().Set("Allow", allowed)
			refuse(w, r, http.StatusMethodNotAllowed)
		})
	}
	return mux
}

// Answer sends a body as JSON.
func Answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // nobody waits for it any more
}
