// Package cache remembers what was read from a provider, in front of it.
//
// [Wrap] makes a [providers.Provider] of a provider and a [Store]; nobody above it sees a
// difference but speed. Records and pages are remembered apart: a page holds the ids of its
// rows, so that all lists share one reading of a record, and what a reply carried besides
// (the harvest) answers reads by id as well.
//
// Every entry has two ends. Until the first it is fresh and is the answer. Until the second
// it is stale: it is still the answer, and a refresh runs behind it. So a vendor that is
// down leaves what was known readable. After the second it is gone. Refreshes begin when
// their request needs no more calls: they take those that its allowance has left, leave the
// reserve of the account's budget, and are few at once. What is not refreshed is left to
// later requests.
//
// Of everything that is asked for at once, one call is made: callers who want what is under
// way already wait for it. What is under way ends early only when all who wait for it have
// gone. Where the limits of the request that pays for it end it, one of those who wait pays
// for the next call. Replicas that share a Redis do likewise: one reads and holds a lease
// there, the others wait for what it stores.
//
// A commission that a reading saw without its payout borrows the payout of another reading,
// for as long as that one is fresh and none since contradicts it. A page has the dates that
// its own reading gave its rows, so that its order and its cursors stay as they were.
//
// What is stored is never changed, neither by a Store nor by those who read it.
//
// # Where it is kept
//
// [Memory] is this process' own. [Redis] is shared by replicas, under keys "pg:<shape>:…",
// where the shape is made of the types that are stored: a release never reads what another
// wrote in another shape. [Tiered] is a Memory in front of a Redis; nothing is in its
// memory that was not in Redis, but for what is read while Redis is away.
//
// # Invalidation
//
// A read that began before an invalidation never overwrites what came after it. Each
// account has an [Epoch], which grows; a read takes it before the vendor is asked, an
// invalidation moves it on, and leaves a [Fence] in the place of what it removes. [Merge]
// lets nothing past a fence that began before it. Lists are invalidated together, by noun:
// a page counts only together with its [Family], and only if it began no earlier.
//
// A fence may be evicted like everything else. What it was to keep out comes back only if
// that happens while the slow read is under way.
//
// Where Redis is shared, the fence is there before Invalidate returns, the other replicas'
// memories have it when they are told over a channel (milliseconds later), and a replica
// that cannot hear the channel does not trust its memory: it empties it when it notices
// (after two seconds of silence at most), asks Redis for everything, and empties it once
// more when it hears again.
//
// Everything of an account is forgotten by [Redis.Forget], for the sake of privacy: there
// it is not enough that nothing is shown, it has to be gone.
//
// # When Redis is away
//
// Nothing fails. A call takes its time-out once (50 ms), then for a second all others fail
// at once, then one may try. Memory answers, and the vendors do. Until the loss of the
// channel is noticed, what vendors answer is not remembered. What is invalidated meanwhile
// is fenced in memory at once, at an estimate of Redis' epoch that errs on the side of
// forgetting, and in Redis as soon as it can be reached; the other replicas may show it
// until then. If the process ends before, they show it until its time is over.
package cache
