package redisclient

import (
	"context"
	"errors"
	"net"

	"github.com/redis/go-redis/v9"
)

// once keeps a cluster's client from sending a command again that may have arrived: other
// than a single server's client, it does so whatever MaxRetries says, because to it each
// further attempt is a redirection.
type once struct{}

// unsure is the error of a command that may have arrived. The client does not see through
// it to what it would try again.
type unsure struct{ err error }

func (u unsure) Error() string { return u.err.Error() }

// Is lets callers see that their context ended.
func (u unsure) Is(target error) bool {
	return (target == context.Canceled || target == context.DeadlineExceeded) && errors.Is(u.err, target)
}

func (once) DialHook(next redis.DialHook) redis.DialHook { return next }

func (once) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		answered, dial := redis.Error(nil), (*net.OpError)(nil)
		if err == nil || errors.As(err, &answered) || errors.As(err, &dial) && dial.Op == "dial" {
			return err
		}
		err = unsure{err}
		cmd.SetErr(err)
		return err
	}
}

// ProcessPipelineHook leaves pipelines as they are: what of them is sent again is decided
// out of reach of hooks.
func (once) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
