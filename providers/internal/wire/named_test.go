package wire

import "testing"

// TestAnother tells replies about the record that a write names from those about another one.
func TestAnother(t *testing.T) {
	const put, act, post = "PUT /things/{id}", "POST /thing/{id}/pay", "POST /things"
	const uuid = "0b000000-0000-4000-8000-00000000000a"
	for _, tt := range []struct {
		op, path, request, reply string
		another                  bool
	}{
		{put, "/things/7", `{}`, `{"id": 7}`, false},
		{put, "/things/7", `{}`, `{"id": "7"}`, false},
		{put, "/things/7", `{}`, `{"id": 8}`, true},
		{put, "/things/7", `{}`, `{"data": {"id": 8}}`, true},
		{put, "/things/7", `{}`, `{"data": [{"id": 8}]}`, true},
		{put, "/things/7", `{}`, `{"data": [{"id": 7}, {"id": 8}]}`, false}, // which one is meant is not known
		{put, "/things/" + uuid, `{}`, `{"data": {"id": "0B000000-0000-4000-8000-00000000000A"}}`, false},
		{put, "/things/" + uuid, `{}`, `{"data": {"id": "0b000000-0000-4000-8000-00000000000b"}}`, true},
		{put, "/things/" + uuid, `{}`, `{"data": {"id": "N/A"}}`, false},
		{put, "/things/" + uuid, `{}`, `{"data": {"id": 12}}`, false},
		{put, "/things/7", `{}`, `{"thing_id": 8}`, true},
		{put, "/things/7", `{}`, `{"id": null}`, false},
		{put, "/things/7", `{}`, `{"id": {}}`, false},
		{put, "/things/7", `{}`, `{"id": 0}`, false},
		{put, "/things/7", `{}`, `{}`, false},
		{put, "/things/7", `null`, `true`, false},
		{act, "/thing/7/pay", `{}`, `{"id": 8}`, false}, // the payment's own, it may be
		{act, "/thing/7/pay", `{}`, `{"thing_id": 8}`, true},
		{act, "/thing/7/pay", `{}`, `{"thing_id": 7}`, false},
		{post, "/things", `{"owner_id": 3}`, `{"id": 8, "owner_id": 3}`, false},
		{post, "/things", `{"owner_id": 3}`, `{"id": 8, "owner_id": 4}`, true},
		{post, "/things", `{"owner_id": 3}`, `{"data": {"owner": {"id": "4"}}}`, true},
		{post, "/things", `{"owner_id": 3}`, `{"data": {"owner": 4}}`, false}, // an odd value
		{post, "/things", `{"owner_id": 3}`, `{"data": {"owner": {"id": 3}}}`, false},
		{post, "/things", `{"owner_id": 3}`, `{"owner": null}`, false},
		{post, "/things", `{"owner_id": 3}`, `{"owner": []}`, false},
		{post, "/things", `{"owner_id": null}`, `{"owner_id": 4}`, false},
		{post, "/things", ``, `{"owner_id": 4}`, false},
	} {
		if got := Another(tt.op, tt.path, []byte(tt.request), []byte(tt.reply)); got != tt.another {
			t.Errorf("%s %s %s, answered with %s: another is %v", tt.op, tt.path, tt.request, tt.reply, got)
		}
	}
}
