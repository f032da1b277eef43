package providers

import (
	"context"
	"errors"
)

// ErrReserve says that a call was not sent because it would have used the part of the
// account's budget that is reserved for others. It says nothing about the vendor.
var ErrReserve = errors.New("the part of the account's budget for these calls is used up")

type reserveKey struct{}

// KeepReserve is ctx whose calls leave the reserve of each account's [Budget] to the calls
// of others.
func KeepReserve(ctx context.Context) context.Context {
	return context.WithValue(ctx, reserveKey{}, true)
}

// KeepsReserve says whether the calls of ctx leave the reserve.
func KeepsReserve(ctx context.Context) bool {
	keeps, _ := ctx.Value(reserveKey{}).(bool)
	return keeps
}

type spareKey struct{}

// WithSpare is ctx whose calls take only what other calls leave of each account's [Budget]:
// they never wait for a place, and are refused with [ErrReserve] while others use much of it.
func WithSpare(ctx context.Context) context.Context {
	return context.WithValue(ctx, spareKey{}, true)
}

// TakesSpare says whether the calls of ctx take only what others leave.
func TakesSpare(ctx context.Context) bool {
	spare, _ := ctx.Value(spareKey{}).(bool)
	return spare
}
