package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// KindOfStatus is the meaning that every vendor gives a status of 300 or more. A 402 is about the
// account, as a 403 is: its subscription has ended, or its plan does not include the operation.
func KindOfStatus(status int) providers.Kind {
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusPaymentRequired:
		return providers.KindUnauthorized
	case status == http.StatusNotFound || status == http.StatusGone:
		return providers.KindNotFound
	case status == http.StatusConflict:
		return providers.KindConflict
	case status == http.StatusTooManyRequests:
		return providers.KindRateLimited
	case status >= 500 || status == http.StatusRequestTimeout:
		return providers.KindUnavailable
	case status >= 400:
		return providers.KindInvalid
	default:
		return providers.KindBadReply
	}
}

// decode reads one JSON value and nothing behind it.
func decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("the reply is not the JSON it should be: %w", scrubbed(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the reply goes on behind its JSON")
	}
	return nil
}

// scrubbed is a JSON error without the value that it complains of, which may be anybody's.
func scrubbed(err error) error {
	var (
		wrong  *json.UnmarshalTypeError
		syntax *json.SyntaxError
	)
	switch {
	case errors.As(err, &wrong):
		return fmt.Errorf("field %q is a %s, at byte %d", wrong.Field, strings.SplitN(wrong.Value, " ", 2)[0], wrong.Offset)
	case errors.As(err, &syntax):
		return fmt.Errorf("a syntax error at byte %d", syntax.Offset)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it ends too early")
	}
	return errors.New("a value cannot be read")
}

// maxRetryAfter is the longest wait that is believed.
const maxRetryAfter = time.Hour

// retryAfter reads the header of this name, seconds or a date (https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3); 0 where it says nothing.
func retryAfter(s string, now time.Time) time.Duration {
	seconds, err := strconv.ParseUint(strings.TrimSpace(s), 10, 31)
	switch {
	case err == nil:
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	case errors.Is(err, strconv.ErrRange):
		return maxRetryAfter
	}
	if at, err := http.ParseTime(s); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}
