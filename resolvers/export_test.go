package resolvers

// Blind has operations executed without a look.
func (r *Resolver) Blind() { r.blind = true }

// Noticed is how many kinds of oddities of vendors the resolvers have told the operator of.
func (r *Resolver) Noticed() (n int) {
	r.noticed.Range(func(any, any) bool { n++; return true })
	return n
}
