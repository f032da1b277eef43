package wire

import (
	"fmt"
	"strings"
	"testing"
)

// TestFailed wants every sign of failure in an envelope to be seen, whatever else stands in
// it, and the members of records not to be taken for signs.
func TestFailed(t *testing.T) {
	for body, want := range map[string]string{
		``: "", `[]`: "", `null`: "", `{}`: "", `"error"`: "", `[{"success":false}]`: "",
		`{"success":true}`: "", `{"success":"true"}`: "", `{"success":1}`: "", `{"success":null}`: "", `{"success":"ok"}`: "",
		`{"success":false}`: "failed", `{"success":"false"}`: "failed", `{"success":0}`: "failed", `{"success":""}`: "failed",
		`{"success":[]}`: "failed", `{"success":"no"}`: "failed", `{"success":false,"id":7}`: "failed",
		`{"success" : false , "data" : [{"id":1}] }`: "failed", `{"\u0073uccess":false}`: "failed",
		`{"status":200,"message":"success","data":[]}`: "", `{"status":"200","data":{}}`: "", `{"status":201}`: "",
		`{"status":"Success"}`: "", `{"status":"ok"}`: "", `{"status":true}`: "", `{"status":null}`: "", `{"status":" "}`: "",
		`{"status":"error","data":[]}`: "failed", `{"status":"fail"}`: "failed", `{"status":false}`: "failed",
		`{"status":0}`: "failed", `{"status":302}`: "failed", `{"status":"processing"}`: "failed",
		`{"status":500,"data":[]}`: "failed 500", `{"status":"422"}`: "failed 422", `{"status":700}`: "failed",
		`{"code":"operation_failed","data":[]}`: "failed", `{"code":429}`: "failed 429", `{"code":200}`: "", `{"status":200,"data":false}`: "failed",
		`{"error":"x"}`: "failed", `{"error":{"message":"x"}}`: "failed", `{"error":true}`: "failed", `{"errors":["x"],"data":[]}`: "failed",
		`{"success":true,"data":null,"error":{"type":"x"}}`: "failed", `{"status":200,"errors":{"email":["taken"]}}`: "failed",
		`{"error":null,"errors":[]}`: "", `{"error":false,"errors":{"email":[]}}`: "", `{"error":"","errors":0}`: "",
		// Records by themselves, and inside an envelope.
		`{"id":7,"status":"failed","code":"SPRING","error":"x","errors":["x"]}`: "", `{"id":7,"status":"pending","success":true}`: "",
		`{"id":null,"status":"error"}`: "failed", `{"id":"req_1","status":"error","data":[]}`: "failed",
		`{"data":{"status":"error","error":"x","success":false}}`: "",
	} {
		status, failed := Failed([]byte(body))
		got := ""
		if failed {
			got = strings.TrimSuffix(fmt.Sprintf("failed %d", status), " 0")
		}
		if got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

// TestEmpty wants what says nothing to be told from what says something, in all forms.
func TestEmpty(t *testing.T) {
	for _, body := range []string{``, `null`, `false`, `0`, `0.0`, `""`, `" "`, `[]`, `[ ]`, `{}`, `[null]`, `[[]]`, `[false, 0]`, `{"errors":[]}`, `{"a":{"b":null}}`} {
		if !Empty([]byte(body)) {
			t.Errorf("%s is not empty", body)
		}
	}
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	for _, body := range []string{`true`, `1`, `"x"`, `"[]"`, `["x"]`, `{"5":"x"}`, `[{"a":1}]`, `[null,["",true]]`, deep, "[" + strings.Repeat("0,", 5000) + "1]"} {
		if Empty([]byte(body)) {
			t.Errorf("%.40s is empty", body)
		}
	}
}
