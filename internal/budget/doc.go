// Package budget keeps an account's calls within what its vendor allows: [Memory] those of one
// process, [Redis] those of all replicas together.
//
// Both are a sliding-window log: they remember when each call of the last window was made,
// so that no span as long as the window holds more calls than the limit. A token bucket
// needs less memory, but lets nearly twice the limit through one window after a quiet time,
// and vendors count windows. Every window is a guard longer than the vendor's, because the
// vendor counts a call when it arrives.
//
// # Without Redis
//
// Each replica announces itself to Redis at every beat, whether or not it makes calls.
// Redis gives it two numbers of calls in a window, which hold without Redis: a right, for
// the first time, and a share, from then on. The right is the replica's calls so far and
// its part of the places that are free; it becomes small while others use the budget. The
// share is the limit divided by the number of replicas. So at any time a replica may have
// made, in the last window, the calls that Redis counted or its right or share, whichever
// is more. The invariant is that the sum of these over all replicas, those that ended in
// the last window included, is at most the limit. These rules keep it:
//
//   - Redis counts a place as used if a call uses it or another replica has a right to it.
//     A right that becomes smaller counts as it was until the replica confirms the new one.
//     So a replica that joins has no share before the others have given theirs up.
//   - After a silence of five beats Redis reserves the share in place of the right. The replica
//     begins its share a window later, when all calls that others made until then have left the
//     window.
//   - Redis frees the share 15 minutes after it heard of the replica last, and by then the
//     replica has stopped. A replica that has not reached Redis yet has no share.
//     [Redis.Close] frees the share at once. A replica that Redis hears of alone has half
//     of the limit as its share, so that a successor can start after a crash.
//
// # Redis loses its data
//
// Each answer names the state that it comes from. A replica that does not know the state,
// as Redis began a new one, tells all its calls of the last window in the question with
// which it joins. Redis begins a new state when one of its keys is missing, or when it does
// not know its own last answer to a replica, as after a restart from an old snapshot.
//
// For the first window of a state Redis does not know all calls: those of a replica that is
// cut off or has ended may be more than its share. So each replica keeps to the right that
// it came with. If no replica that asks in the first three beats knew an earlier state,
// there was none, and Redis does not wait longer. After the window the calls of a replica
// that has not come back are within its share. The shares were parts of the limit, so Redis
// reserves for 15 minutes what the shares of those that came back leave of the limit,
// unless they say that they were alone.
//
// # Replicas
//
// With RedisOptions.Replicas the share is at most the limit divided by that number. It is
// there from the start and never ends, and Redis reserves one for each replica that it does
// not hear of. The number has to include the replicas that overlap during an update. No
// more than that number run at once, so a replica has ended if Redis has heard from that
// many others since the newest one joined, and not from it. Redis reserves what such a
// replica could do without asking for another window, as it may have done so until it
// ended. So a replica that crashes costs the others nothing but its own right, for a
// window. One that crashes again and again may cost more.
//
// # Exceptions
//
// The sum may exceed the limit in these cases only, because Redis cannot know the calls:
//
//   - Without Replicas, Redis has lost its data, and a replica stays cut off that none of
//     those that ask in the first three beats had heard of: each of these had its last
//     answer before that one joined or had a share, or is new.
//   - With Replicas, a replica starts less than a window after another one ended, and Redis
//     never answered one of the two before it made calls or ended, or lost its data between
//     the last answer to the one and the first to the other.
//   - With Replicas of 1, the replica has made calls without Redis in the window before it ended
//     without [Redis.Close]. Redis does not reserve them, because the successor of a replica that
//     crashed would make no calls for a window.
package budget
