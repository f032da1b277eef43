// Package sweep finds the changes that no webhook tells: from time to time it reads the
// newest page of each list again, and compares it with what it saw the time before.
//
// # Who sweeps
//
// One replica an account at a time. The time of the last round stands in the store; a
// replica whose turn it is moves it on, if nobody else has, and that is its lease: nobody
// else begins before the next round is due. A replica that dies gives nothing back. Another
// takes the next round, and goes on where the store's memory of the lists stands. That is
// saved only where nobody has saved it since, and a finding has a key, so that a replica
// that was too slow tells nothing again.
//
// # What it may take
//
// Calls that are left ([providers.WithSpare]). A page that somebody else just asks for is not
// asked for twice, and is in the cache for all who come later. A list that was not reached is
// the first of the next round.
//
// # What is told
//
// The first reading of a list tells nothing. From then on:
//
//   - A row that was not there is CREATED, unless it may have been behind the page before:
//     one behind all rows that were there is told only if it is dated later than all of
//     them, and one dated before all of them is told as UPDATED. So is one that may have
//     been unreadable.
//   - A row is UPDATED where a field differs that both readings know. A field that this
//     reading does not know stays as it was.
//   - A row that is missing though the page reaches behind it is DELETED only if the vendor,
//     asked for the record by its id, says that there is none. One that the vendor has is
//     UPDATED if it differs. A page with a row that cannot be read proves nothing.
//   - What others have told since the last round, by the log, is not told again if the cache
//     holds the record as the page has it: whoever was told has seen that. Else it is told
//     once more, as nobody can know what they have seen.
//
// Rows that have gone behind the page are not watched any more.
package sweep
