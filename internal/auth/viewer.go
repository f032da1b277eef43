package auth

import (
	"context"
	"slices"
)

// Role is what a viewer may do.
type Role string

// The roles. Their values are those of the GraphQL enum.
const (
	RoleAdmin   Role = "ADMIN"   // everything, also to see how the server answered
	RoleEditor  Role = "EDITOR"  // reads and writes
	RoleReader  Role = "READER"  // reads
	RolePartner Role = "PARTNER" // reads what belongs to the affiliates that they are, and changes some of it
)

// Viewer is who asks. One Viewer serves many requests at once: nobody may change it.
type Viewer struct {
	Name     string   // for people and logs; several keys may share it, and a token's subject may be equal to it
	Subject  string   // the same over all their requests, and nobody else's: "key:<name>", "jwt:<issuer> <subject>" or "local"
	Role     Role     // what they may do
	Accounts []string // the ids of the accounts they see; nil: all

	// Of partners, who have at least one of both.
	Affiliates []string // the global ids of the affiliates that they are
	Email      string   // which their issuer says is verified
}

// Sees says whether the viewer may know of an account at all. Nobody, the nil Viewer, sees none.
func (v *Viewer) Sees(account string) bool {
	return v != nil && (v.Accounts == nil || slices.Contains(v.Accounts, account))
}

// Local is the viewer of a server without authentication, which listens to its own machine
// alone: an admin of all accounts.
func Local() *Viewer { return &Viewer{Name: "local", Subject: "local", Role: RoleAdmin} }

type viewerKey struct{}

// WithViewer is a context in which v asks.
func WithViewer(ctx context.Context, v *Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, v)
}

// ViewerFrom is who asks in this context; nil, who sees nothing, where nobody was named.
func ViewerFrom(ctx context.Context) *Viewer {
	v, _ := ctx.Value(viewerKey{}).(*Viewer)
	return v
}
