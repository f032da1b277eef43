package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

// locked serves one call at a time where it writes, and reads together.
func (s *Server) locked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.begun.Load() > 0 {
			s.mu.Lock()
			s.proceed()
			s.mu.Unlock()
		}
		if r.Method != http.MethodGet {
			s.mu.Lock()
			defer s.mu.Unlock()
			next.ServeHTTP(w, r)
			return
		}
		s.mu.RLock()
		defer s.mu.RUnlock()
		next.ServeHTTP(w, r)
	})
}

func (s *Server) writes(mux *http.ServeMux) {
	mux.HandleFunc("GET /batch_processes/{id}", s.single(processes, func() int { return len(s.batches) }, nil, s.batch))
	mux.HandleFunc("POST /promoters", s.createPromoter)
	mux.HandleFunc("PUT /promoters/{id}", s.updatePromoter)
	s.promoterActions(mux)
	mux.HandleFunc("PUT /promoter_campaigns/{id}", s.updateMembership)
	mux.HandleFunc("POST /campaigns", s.createCampaign)
	mux.HandleFunc("PUT /campaigns/{id}", s.updateCampaign)
	mux.HandleFunc("POST /referrals", s.createReferral)
	mux.HandleFunc("PUT /referrals/{id}", s.updateReferral)
	s.referralActions(mux)
	mux.HandleFunc("POST /commissions", s.createCommission)
	mux.HandleFunc("PUT /commissions/{id}", s.updateCommission)
	s.commissionActions(mux)
	s.payoutActions(mux)
	mux.HandleFunc("POST /promo_codes", s.createCode)
	mux.HandleFunc("PUT /promo_codes/{id}", s.updateCode)
	mux.HandleFunc("POST /webhooks", s.createWebhook)
	mux.HandleFunc("PUT /webhooks/{id}", s.updateWebhook)
	mux.HandleFunc("DELETE /webhooks/{id}", s.deleteWebhook)
}

// body reads what a write sends; ok is false where that is not JSON of this form, and then
// the call is answered.
func body[T any](w http.ResponseWriter, r *http.Request) (b T, ok bool) {
	if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
		sendStatus(w, http.StatusBadRequest, object{"message": "Bad Request"})
		return b, false
	}
	return b, true
}

// missing answers a call without a parameter that is required.
func missing(w http.ResponseWriter, name string) {
	invalid(w, "param is missing or the value is empty or invalid: "+name)
}

// refuse answers a call whose record does not pass the validation of a field.
func refuse(w http.ResponseWriter, field, message string) {
	sendStatus(w, http.StatusBadRequest, object{
		"message": "Validation failed: " + field + " " + message, "errors": object{field: []string{message}}, "code": "invalid_record",
	})
}

// failed answers a call for an operation that cannot be done.
func failed(w http.ResponseWriter, message string) {
	sendStatus(w, http.StatusUnprocessableEntity, object{"message": message, "code": "operation_failed"})
}

const taken = "has already been taken"

// at is the row of a record by its number.
func (n number) at(id int64, rows int) (int, bool) { return n.row(strconv.FormatInt(id, 10), rows) }

// batch is an action on several records.
type batch struct {
	label    string
	rows     []int64
	age      int // calls since it was begun
	finished bool
	errors   []string
	work     func(id int64) string // what went wrong; "" for nothing
}

// proceed brings every action in the background one call further.
func (s *Server) proceed() {
	for i := range s.batches {
		b := &s.batches[i]
		if b.finished {
			continue
		}
		if b.age++; b.age > 1 {
			b.do()
			s.begun.Add(-1)
		}
	}
}

func (b *batch) do() {
	for _, id := range b.rows {
		if e := b.work(id); e != "" {
			b.errors = append(b.errors, e)
		}
	}
	b.finished = true
}

func (s *Server) batch(i int) object {
	b := s.batches[i]
	status, processed, progress := "completed", len(b.rows), 100
	if !b.finished {
		status, processed, progress = "pending", 0, 0
		if b.age > 0 {
			status = "in_progress"
		}
	}
	errors := b.errors
	if errors == nil {
		errors = []string{}
	}
	at := s.now().UTC().Format("2006-01-02T15:04:05.000Z")
	return object{
		"id": processes.of(i), "status": status, "total": len(b.rows), "selected_total": len(b.rows), "processed_count": processed,
		"failed_count": len(errors), "action_label": b.label, "progress": progress, "processing_errors": errors, "meta": object{},
		"created_at": at, "updated_at": at,
	}
}

// backgroundFrom is how many records are more than a call does at once.
const backgroundFrom = 6

// act answers an action on records: done for few of them, and for many, or with the switch,
// begun.
func (s *Server) act(w http.ResponseWriter, label string, ids []int64, work func(id int64) string) {
	if len(ids) == 0 {
		missing(w, "ids")
		return
	}
	s.batches = append(s.batches, batch{label: label, rows: slices.Compact(slices.Sorted(slices.Values(ids))), work: work})
	i, status := len(s.batches)-1, http.StatusAccepted
	if len(ids) < backgroundFrom && !s.kit.On(Background) {
		s.batches[i].do()
		status = http.StatusOK
	} else {
		s.begun.Add(1)
	}
	o := s.batch(i)
	if label == "payout/mark_as_paid" {
		o = object{"data": o, "meta": object{"total": 0, "promoters_count": 0, "total_incl_tax": 0, "all_promoters_count": 0}}
	}
	sendStatus(w, status, o)
}

// notThere is what went wrong with a record that is none.
const notThere = "Record not found"
