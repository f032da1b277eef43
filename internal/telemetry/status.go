package telemetry

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"runtime"
	"time"
)

// Status is what the status page shows: the state of this process.
type Status struct {
	Version   string          `json:"version"`
	Go        string          `json:"go"`
	StartedAt time.Time       `json:"startedAt"`
	Now       time.Time       `json:"now"`
	Accounts  []AccountStatus `json:"accounts"`
	Redis     map[string]bool `json:"redis"`  // by role: whether the last command reached it; empty without Redis
	Writes    []UnknownWrite  `json:"writes"` // that wait for a retry or a person, the newest first
	Errors    []Line          `json:"errors"` // the last lines of the log at WARN and above, the newest first
}

// AccountStatus is the state of an account.
type AccountStatus struct {
	ID            string             `json:"id"`
	Name          string             `json:"name"`
	Provider      string             `json:"provider"`
	Status        string             `json:"status"`
	LastError     string             `json:"lastError,omitempty"`
	LastSuccessAt *time.Time         `json:"lastSuccessAt"`
	CallsLimit    int                `json:"callsLimit"`
	CallsLeft     int                `json:"callsLeft"`
	WindowSeconds int                `json:"windowSeconds"`
	Reads         map[string]float64 `json:"reads"`   // what was answered, by layer
	HitRate       *float64           `json:"hitRate"` // the part of it that took no call of its own; null where nothing was read
}

// Status reads the state of this process. No call is made.
func (m *Metrics) Status() Status {
	s := Status{
		Version: m.version, Go: runtime.Version(), StartedAt: m.started, Now: time.Now(),
		Redis: map[string]bool{}, Writes: m.unknown.newest(), Errors: m.lines.newest(), Accounts: []AccountStatus{},
	}
	reads := map[string]map[string]float64{}
	families, _ := m.registry.Gather() // what cannot be gathered is missing
	for _, f := range families {
		for _, metric := range f.Metric {
			labels := map[string]string{}
			for _, l := range metric.Label {
				labels[l.GetName()] = l.GetValue()
			}
			switch f.GetName() {
			case namespace + "_cache_reads_total":
				account := labels["account"]
				if reads[account] == nil {
					reads[account] = map[string]float64{}
				}
				reads[account][labels["layer"]] += metric.Counter.GetValue()
			case namespace + "_redis_up":
				s.Redis[labels["role"]] = metric.Gauge.GetValue() == 1
			}
		}
	}
	if list := m.accounts.list.Load(); list != nil {
		for _, p := range *list {
			a := p.Account()
			status := AccountStatus{
				ID: p.AccountID(), Name: a.Name, Provider: a.Provider.Name, Status: string(a.Status), LastSuccessAt: a.LastSuccessAt,
				CallsLimit: a.RateLimit.Limit, CallsLeft: a.RateLimit.Remaining, WindowSeconds: a.RateLimit.WindowSeconds,
				Reads: reads[p.AccountID()], HitRate: hitRate(reads[p.AccountID()]),
			}
			if a.LastError != nil {
				status.LastError = *a.LastError
			}
			s.Accounts = append(s.Accounts, status)
		}
	}
	return s
}

// hitRate is the part of reads that took no call of their own; nil where nothing was read.
func hitRate(reads map[string]float64) *float64 {
	all := 0.0
	for _, n := range reads {
		all += n
	}
	if all == 0 {
		return nil
	}
	rate := 1 - reads["vendor"]/all
	return &rate
}

// StatusHandler answers with the status as JSON.
func (m *Metrics) StatusHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		text, err := json.Marshal(m.Status())
		if err != nil {
			http.Error(w, "the status has no JSON", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(text)
	})
}

//go:embed status.html
var statusPage []byte

// inline finds the script and the style sheet of the page.
var inline = regexp.MustCompile(`(?s)<(script|style)>(.*?)</(?:script|style)>`)

// StatusPage answers with the page, which has no data: it asks for /status.json. Its policy
// lets it run its own script, and ask its own server.
func StatusPage() http.Handler {
	policy := "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	for _, m := range inline.FindAllSubmatch(statusPage, -1) {
		sum := sha256.Sum256(m[2])
		policy += fmt.Sprintf("; %s-src 'sha256-%s'", m[1], base64.StdEncoding.EncodeToString(sum[:]))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(statusPage)
	})
}
