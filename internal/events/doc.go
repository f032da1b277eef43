// Package events keeps every change of a record once and in order, for a time, so that a
// subscriber who was away gets what happened in between, or is told that it cannot.
//
// # Parts
//
// A [Log] is written by webhooks, sweeps and the server's own writes. [Memory] serves one
// process, [Redis] all replicas. A [Hub] reads the log once in a process and passes the
// events to any number of subscribers.
//
// # Order
//
// A log has one order, the same for all readers; so the events of one record have one, too.
// It is the order in which the log took them. Vendors deliver late and out of order: what an
// event says of a record may be older than what an earlier event says. Readers load the
// record.
//
// # Positions
//
// Entries are numbered without gaps. A [Position] names the incarnation of the log and an
// entry by its number and time, and means the place behind it. A log whose content was lost
// begins a new incarnation. A reader is told [ErrGone] where the entry behind its position
// does not have the next number: it was trimmed, evicted, deleted or lost. A position is
// never silently taken for another place. The positions of an emptied log are ErrGone;
// those of another kind of log, of the future, or altered ones are [ErrPosition].
//
// # Bounds
//
// A log keeps events for a time, up to a count and a size ([Limits]), and applies this as it
// appends; a log in Redis that nobody appends to for that time is emptied by expiry. Keys of
// [Once] are remembered for as long as the caller says, whatever else is trimmed. An Append
// has at most [MaxAppend] events. A hub holds [HubOptions].Window entries for all
// subscribers together; a subscription is a place in it and needs a few hundred bytes.
//
// # Errors
//
// After an error of Append, a caller does not know whether the events are in the log. It
// tries again with the same key: a webhook is answered with a 5xx status, so that the vendor
// repeats it. While Redis is away, a hub tries again after pauses of at most a second, and
// goes on without a gap. Subscriptions wait meanwhile.
//
// # What a reader may rely on
//
// A subscriber that passes on the last position sees each event exactly once and in order,
// over any number of reconnections, hubs and replicas, until it is told ErrGone. [ErrSlow]
// and [ErrClosed] end a subscription, and its position stays good. A subscription without a
// position begins where the hub is: it sees all that is appended later, and may see what was
// appended shortly before, or while Redis was away.
//
// What Redis loses after it has acknowledged it can be told only to readers who have seen
// it: with appendfsync everysec the last second before a crash of the machine, and what was
// not yet replicated before a failover.
//
// # Concurrency
//
// Logs and hubs are safe for concurrent use, a [Subscription] is not. A hub has one
// goroutine, which ends with Close.
package events
