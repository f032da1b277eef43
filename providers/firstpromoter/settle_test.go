package firstpromoter

import "testing"

// TestSettles: only an error of a status and form that the contract has settles a write. Whatever
// anybody on the way may answer does not.
func TestSettles(t *testing.T) {
	const vendors = `{"message":"no"}`
	documented := map[int]bool{400: true, 401: true, 403: true, 404: true, 422: true, 429: true}
	anybody := []string{"", "{}", "null", "0", "[]", `"Bad Request"`, "<html>", `{"error":"no"}`, `{"error":null}`, `{"message":""}`}
	for status := 400; status < 600; status++ {
		for _, body := range anybody {
			if classify(status, []byte(body)).Refused {
				t.Errorf("%d %s settles a write", status, body)
			}
		}
		if got := classify(status, []byte(vendors)).Refused; got != documented[status] {
			t.Errorf("%d %s: settles %t, want %t", status, vendors, got, documented[status])
		}
	}
}
