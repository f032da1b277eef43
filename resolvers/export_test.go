package resolvers

// Blind has operations executed without a look.
func (r *Resolver) Blind() { r.blind = true }
