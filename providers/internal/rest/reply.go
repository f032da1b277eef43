package rest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
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

// decoder is a value that reads a reply by itself, and stops when the context has ended.
type decoder interface {
	DecodeReply(ctx context.Context, body []byte) error
}

// read decodes and verifies a reply that is a success by its status. One whose envelope says
// otherwise is a bad reply: it shows no rows, settles no write and proves nothing.
func (c *Client) read(ctx context.Context, r Request, status int, body []byte) error {
	into := r.Into
	if into == nil {
		into = new(json.RawMessage)
	}
	if len(body) == 0 && (r.Into == nil || r.Optional && status == http.StatusOK) {
		return nil
	}
	if err := decode(ctx, body, into); err != nil {
		return err
	}
	if status, failed := wire.Failed(body); failed {
		return c.failed(r, status, body)
	}
	if r.Verify != nil {
		if err := r.Verify(); err != nil {
			return err
		}
	}
	if sent, err := json.Marshal(r.Body); r.method() != http.MethodGet && err == nil && wire.Another(r.Op, r.Path, sent, body) {
		return errAnother
	}
	return nil
}

// errAnother is a reply to a write that is about another record. Whether the write was made
// is not known.
const errAnother providers.Cause = "the reply is about another record than the one that was written"

// errFailed is a reply whose status says that the call succeeded and whose envelope says
// that it failed.
const errFailed providers.Cause = "the reply says that the call did not succeed"

// failed is the error of such a reply. Its status decides where it is about the account or
// the vendor. What an envelope says of the request's content proves nothing: neither that
// there is no such record nor that a write was refused.
func (c *Client) failed(r Request, status int, body []byte) error {
	e := &providers.Error{Kind: providers.KindBadReply, Status: status, Err: errFailed}
	if kind := KindOfStatus(status); status > 0 && !inputRefused(kind) {
		e.Kind = kind
	}
	if classify := r.classify(c.c); classify != nil {
		if said := classify(cmp.Or(status, http.StatusBadRequest), body[:min(len(body), maxErrorBody)]); said != nil && said.Err != nil {
			e.Err = fmt.Errorf("%w: %w", errFailed, said.Err)
		}
	}
	return e
}

// decode reads one JSON value and nothing behind it.
func decode(ctx context.Context, body []byte, into any) error {
	if d, ok := into.(decoder); ok {
		if err := d.DecodeReply(ctx, body); err != nil {
			return fmt.Errorf("the reply is not the JSON it should be: %w", err)
		}
		return nil
	}
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

// retryAfter reads the header of this name, seconds or a date
// (https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3); 0 where it says nothing.
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
