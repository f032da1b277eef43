package firstpromoter

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// batchOne is GET /batch_processes/{id}: how an action on many records goes. Here there is
// one record in each.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/batches/openapi-v2-batches.json
//
//api:operation GET /batch_processes/{id}
const batchOne = "/batch_processes"

// wireBatch is an action on many records. What went wrong is a text for each record at most
// actions, and an object at those on payouts; neither is shown.
type wireBatch struct {
	ID             int64           `json:"id"`
	Status         *string         `json:"status"`
	FailedCount    optional[int64] `json:"failed_count"`
	ProcessedCount *int64          `json:"processed_count"`
	Errors         json.RawMessage `json:"processing_errors"`
}

// batchReply is the answer to an action: the batch by itself, or as "data" at payouts.
type batchReply struct {
	wireBatch
	Data *wireBatch `json:"data"`
}

// batch is the batch of either form.
func (b *batchReply) batch() wireBatch {
	if b.Data != nil {
		return *b.Data
	}
	return b.wireBatch
}

// status is how far the action is, in lower case; "" where that was not said.
func (b wireBatch) status() string {
	if b.Status == nil {
		return ""
	}
	return strings.ToLower(*b.Status)
}

// told wants an answer that says how far the action is.
func (b *batchReply) told() error {
	switch b.batch().status() {
	case "completed", "failed", "stopped", "pending", "in_progress":
		return nil
	}
	return errBatch
}

// pollEvery is the time between two looks at an action in the background.
const pollEvery = time.Second

var (
	errBatch   = errors.New("the action's answer does not say how it went")
	errStopped = errors.New("the action in the background broke off")
)

// act makes one write by an action on many records, here one. The vendor promises to have
// done up to five when it answers; where it goes on in the background all the same, this
// waits for the end. That an action's failure is told by its counts and errors is assumed.
func (p *provider) act(ctx context.Context, op string, body any) error {
	ctx, cancel := context.WithTimeout(ctx, p.config.Timeout)
	defer cancel()
	_, answer, err := send(ctx, p, op, pathOf(op), body, (*batchReply).told)
	if err != nil {
		return err
	}
	for {
		b := answer.batch()
		switch b.status() {
		case "completed":
			return p.outcome(op, b)
		case "failed", "stopped":
			return p.unknown(op, providers.KindUnavailable, errStopped)
		}
		if b.ID <= 0 {
			return p.unknown(op, providers.KindBadReply, errBatch)
		}
		if err := pause(ctx, p.pollEvery); err != nil {
			return p.unknown(op, providers.KindUnavailable, err)
		}
		q := request(batchOne+"/"+decimal(b.ID), nil)
		q.Op = "GET " + batchOne + oneRecord
		if _, answer, err = read(ctx, p, q, (*batchReply).told); err != nil { // whatever kind it is of, the write was taken
			return p.unknown(op, providers.KindUnavailable, err)
		}
	}
}

// outcome is what a completed action has come to. It is refused only if the vendor says so
// in a form that it documents: a count of failures, or an array of errors that no count
// contradicts.
func (p *provider) outcome(op string, b wireBatch) error {
	failed := b.FailedCount.Value
	told := !wire.Empty(b.Errors)
	switch {
	case failed != nil && *failed > 0, told && failed == nil && !b.FailedCount.Odd() && b.refused():
		return providers.Problemf(
			providers.ProblemWrongState,
			"",
			"FirstPromoter did not do it: the record is in a state that does not allow it",
		)
	case told, b.FailedCount.Odd(), b.ProcessedCount != nil && *b.ProcessedCount == 0:
		return p.unknown(op, providers.KindBadReply, errBatch)
	default:
		return nil
	}
}

// refused says whether the errors are an array of texts or objects, one of which says something.
func (b wireBatch) refused() bool {
	var errs []json.RawMessage
	_, err := wire.Decode(b.Errors, &errs)
	return err == nil && slices.ContainsFunc(errs, func(e json.RawMessage) bool {
		return (e[0] == '"' || e[0] == '{') && !wire.Empty(e)
	})
}

// pause waits, unless the context ends first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
