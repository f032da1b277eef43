package resolvers_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// edit is a change of the reply's JSON.
func zzEdit(f func(whole any) any) func([]byte) []byte {
	return func(b []byte) []byte {
		var v any
		if json.Unmarshal(b, &v) != nil {
			return b
		}
		out, _ := json.Marshal(f(v))
		return out
	}
}

func zzRecordOf(v any) object {
	o, _ := v.(object)
	if d, ok := o["data"].(object); ok {
		return d
	}
	if d, ok := o["data"].([]any); ok && len(d) > 0 {
		r, _ := d[0].(object)
		return r
	}
	if a, ok := v.([]any); ok && len(a) > 0 {
		r, _ := a[0].(object)
		return r
	}
	return o
}

func zzFaults() map[string]sandbox.Fault {
	f := map[string]sandbox.Fault{}
	for _, b := range []string{`{}`, `[]`, `null`, `true`, `"ok"`, `0`, `{"status":"error","message":"x"}`, `{"errors":["x"]}`, `{"success":true}`, `{"message":"ok"}`,
		`{"success":"false","data":{}}`, `{"success":0}`, `{"status":422,"message":"The given data was invalid.","data":[]}`, `{"status":"422","message":"x"}`, `{"status":429,"message":"Too Many Attempts."}`,
		`{"status":200,"message":"success","data":false}`, `{"data":null}`, `{"data":[]}`, `{"data":{}}`, `{"error":true,"data":{"id":1}}`, `{"success":true,"error":{"message":"x"}}`,
		`{"success":true,"data":null,"error":{"message":"nope"}}`, `{"status":"processing","message":"queued"}`, `{"code":"operation_failed","message":"x"}`, `{"status":200,"message":"success","errors":{"email":["taken"]}}`} {
		f["2xx "+b+", not done"] = sandbox.Fault{Status: 200, Body: b}
		f["2xx "+b+", done"] = sandbox.Fault{Status: 200, Body: b, After: true}
	}
	for _, s := range []int{202, 203, 204, 205, 206, 207, 226} {
		f[http.StatusText(s)+", not done"] = sandbox.Fault{Status: s}
		f[http.StatusText(s)+", done"] = sandbox.Fault{Status: s, After: true}
	}
	for _, s := range []int{301, 302, 304, 307, 308, 405, 406, 408, 411, 413, 415, 417, 421, 423, 424, 425, 426, 428, 431, 451, 460, 463, 499, 511, 520, 524, 530} {
		f[http.StatusText(s)+zzJSON(s)+" message, done"] = sandbox.Fault{Status: s, Body: `{"message":"x"}`, After: true}
		f[http.StatusText(s)+zzJSON(s)+" error, done"] = sandbox.Fault{Status: s, Body: `{"success":false,"error":{"type":"x","message":"x"}}`, After: true}
	}
	f["success text, done"] = sandbox.Fault{Edit: zzEdit(func(v any) any {
		if o, ok := v.(object); ok {
			if _, ok := o["success"]; ok {
				o["success"] = "true"
			}
			if _, ok := o["status"].(float64); ok {
				o["status"] = "200"
			}
		}
		return v
	})}
	f["record in array, done"] = sandbox.Fault{Edit: zzEdit(func(v any) any {
		o, ok := v.(object)
		if d, is := o["data"]; ok && is {
			o["data"] = []any{d}
			return o
		}
		return []any{v}
	})}
	f["id text, done"] = sandbox.Fault{Edit: zzEdit(func(v any) any {
		if r := zzRecordOf(v); r != nil && r["id"] != nil {
			r["id"] = strings.Trim(zzJSON(r["id"]), `"`)
		}
		return v
	})}
	f["id null, done"] = sandbox.Fault{Edit: zzEdit(func(v any) any {
		if r := zzRecordOf(v); r != nil {
			delete(r, "id")
		}
		return v
	})}
	f["only id, done"] = sandbox.Fault{Edit: zzEdit(func(v any) any {
		if r := zzRecordOf(v); r != nil && r["id"] != nil {
			for k := range r {
				if k != "id" && k != "success" && k != "status" && k != "message" {
					delete(r, k)
				}
			}
		}
		return v
	})}
	f["null members, done"] = sandbox.Fault{Edit: zzEdit(func(v any) any {
		if r := zzRecordOf(v); r != nil && r["id"] != nil {
			for k := range r {
				if k != "id" && k != "success" && k != "status" && k != "message" {
					r[k] = nil
				}
			}
		}
		return v
	})}
	f["false members, done"] = sandbox.Fault{Edit: zzEdit(func(v any) any {
		if r := zzRecordOf(v); r != nil && r["id"] != nil {
			for k := range r {
				if k != "id" && k != "success" && k != "status" && k != "message" {
					r[k] = false
				}
			}
		}
		return v
	})}
	return f
}

func TestZZWrites(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(zzFaults())) {
		fault := zzFaults()[name]
		t.Run(strings.ReplaceAll(name, "/", "|"), func(t *testing.T) {
			for _, r := range rows() {
				t.Run(strings.TrimSpace(r.vendor+" "+string(r.mutation)+" "+r.also), func(t *testing.T) {
					t.Parallel()
					zzCheck(t, r, fault, strings.HasSuffix(name, "not done"))
				})
			}
		})
	}
}

func zzCheck(t *testing.T, r row, fault sandbox.Fault, notDone bool) {
	w, p := r.sole(t, setup{})
	w.failWrite(r.vendor, fault)
	settled := false
	for range 2 {
		got, a := w.write(r.mutation, p.fields, newKey, p.input)
		switch settled = a.code() == "" && got != nil && len(got.UserErrors) == 0; {
		case settled && notDone:
			t.Errorf("LIE told that it was made, and it was not: %s", clipped(string(a.Data)))
		case !settled && a.code() != "OUTCOME_UNKNOWN":
			t.Errorf("MIS %s", clipped(a.text))
			return
		}
		w.pass(time.Second)
	}
	w.pass(settle)
	switch got, a := w.write(r.mutation, p.fields, newKey, p.input); {
	case a.code() == "" && got != nil && len(got.UserErrors) == 0:
		if !settled || !notDone {
			settled = true
		}
	case settled || !p.blind || a.code() != "OUTCOME_UNKNOWN" || a.Errors[0].Extensions["retryable"] != false:
		t.Errorf("END in the end: %s", clipped(a.text))
	}
	all, _ := w.taken(r.vendor)
	if n := landed(all); n != btoi(settled || !notDone) {
		t.Errorf("COUNT it was made %d times, want %d", n, btoi(settled || !notDone))
	}
}
