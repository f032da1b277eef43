// Package ledger makes every write at most once, and never guesses what became of one.
//
// A client names its intention by an idempotency key. [Ledger.Do] keeps an entry for it,
// under the client, the account and the key, and takes each write through these steps:
//
//	the entry of the key: known already? then its outcome, and nothing is sent
//	the lease on the target: writes to one target go one after the other, over all replicas
//	the plan: reads, and the judgement of the input; nothing is sent
//	the intent: what is about to be sent, and what was there before, are stored; without that nothing is sent
//	the write: one call, which the end of the client's own request does not cut short
//	the outcome is stored, and answered
//
// An entry is therefore in one of four states. SENT: the write may have left, and nobody
// has said what became of it. DONE and REFUSED: the vendor has answered; the outcome is
// given to whoever asks with the key again, for as long as outcomes are kept. UNKNOWN:
// nobody can ever tell; kept for ever, and never sent again.
//
// Whoever asks for an entry that is SENT, and whose sender has gone, finds out by looking
// at the vendor's records, but not before the settling time is over, because a write that
// timed out may still land. If the records prove that nothing was made, the write is sent
// anew, under the same key.
//
// What is not proven by time: a process that is stopped between its last look at the clock
// and its first byte to the vendor, and goes on after its lease and the settling time,
// would write late. Its context has ended by then, which Go's HTTP client looks at before
// it writes.
//
// Nothing private is stored under a readable name: keys are hashes. Entries hold the ids of
// records, what is wrong with an input, and what the plan said of the state before; secrets
// are never part of them.
package ledger
