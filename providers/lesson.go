package providers

import "sync/atomic"

var lessons atomic.Uint64

// Learn is called whenever a reply has changed what is known of a vendor besides its
// records, and with it how lists are planned, what edges cost, or what an account can do.
func Learn() { lessons.Add(1) }

// Lessons changes with each call of [Learn]. While it is the same, reads of the same cached
// records are planned in the same way.
func Lessons() uint64 { return lessons.Load() }
