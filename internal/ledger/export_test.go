package ledger

// SendCalls is how many calls are left to a write before it is sent.
const SendCalls = sendCalls
