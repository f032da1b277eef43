// Package budget holds an account's calls to what its vendor allows: [Memory] those of one process, [Redis] those of all
// replicas together.
//
// Both are a sliding-window log: when each call of the last window was made is remembered, so that no span as long as the
// window ever holds more calls than the limit. A token bucket would need less memory, but lets nearly twice the limit through
// one window after a quiet time, and vendors count windows.
//
// Places are counted when a call leaves, and vendors count it when it arrives; a refusal that comes of the difference is what
// Exhausted is for.
package budget
