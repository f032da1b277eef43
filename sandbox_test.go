package main

import (
	"io"
	"net/http"
	"testing"
)

// TestSandboxOdd wants `sandbox --odd` to make the simulators odd, and without it none.
func TestSandboxOdd(t *testing.T) {
	for _, odd := range []bool{false, true} {
		args := []string{"sandbox"}
		if odd {
			args = append(args, "--odd", "0.5", "--seed", "3")
		}
		s := start(t, args...)
		url := s.stdout.await(t, `provider: uppromote(?s:.)*base_url: (\S+)(?s:.)*api_key: "(\S+)"\n`)
		bodies := map[string]bool{}
		for range 20 {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url[1]+"/programs?per_page=1", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", url[2])
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if err := response.Body.Close(); err != nil {
				t.Error(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			bodies[string(body)] = true
		}
		if odd != (len(bodies) > 1) {
			t.Errorf("odd %v: the same call has %d replies", odd, len(bodies))
		}
	}
}
