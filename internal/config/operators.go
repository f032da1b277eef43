package config

import "github.com/partnergraph/partnergraph/internal/auth"

// persisted reads which documents are trusted.
func (v value) persisted(p *Persisted) {
	there := v.node != nil
	v.mapping(
		field{
			name: "manifest", absent: mandatory,
			doc: "The path of the manifest that a generator has written: Apollo's, Relay's or graphql-codegen's. It " +
				"is read again with each reload.",
			read: func(v value) {
				if !load(v, &p.Manifest, fileName) && there && v.node == nil {
					v.problem("missing, expected %s", fileName.want)
				}
			},
		},
		field{
			name: "only", absent: "every role may send other documents, too",
			doc: "The roles that may send no other documents: a list of admin, editor, reader and partner.",
			read: func(v value) {
				v.list("roles", false, func(v value) {
					var r auth.Role
					if load(v, &r, tokenRole) {
						p.Only = append(p.Only, r)
					}
				})
			},
		},
	)
}

// admin reads where operators look at the server.
func (v value) admin(a *Admin) {
	v.mapping(field{
		name: "listen", absent: "`/metrics` and `/status` are on the main listener, for staff", restart: true,
		doc: "The address of a listener of its own for `/metrics`, `/status`, `/healthz` and `/readyz`. It asks " +
			"nobody who they are: bind it to an address that only operators reach.",
		read: func(v value) { load(v, &a.Listen, address) },
	})
}
