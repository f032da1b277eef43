// Package cache remembers what was read from a provider, in front of it.
//
// [Wrap] makes a [providers.Provider] of a provider and a [Store]; nobody above it sees a
// difference but speed. Records and pages are remembered apart: a page holds the ids of its rows,
// so that all lists share one reading of a record, and what a reply carried besides (the harvest) answers
// reads by id as well.
//
// Every entry has two ends. Until the first it is fresh and is the answer. Until the second it is stale:
// it is still the answer, and a refresh runs behind it. So a vendor that is down leaves what was
// known readable. After the second it is gone.
//
// Of everything that is asked for at once, one call is made: callers who want what is under way already
// wait for it. What is under way ends early only when all who wait for it have gone.
//
// What is stored is never changed, neither by a Store nor by those who read it.
package cache
