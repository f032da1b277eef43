package config

import (
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/internal/auth"
)

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

// hostPattern is what a name of a host looks like.
var hostPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?$`)

// hostName is the name of a host, and no address.
var hostName = kind[string]{
	want: "the name of a host, without a port",
	parse: func(s string) (string, bool) {
		s = strings.ToLower(s)
		_, err := netip.ParseAddr(s)
		return s, err != nil && hostPattern.MatchString(s)
	},
}

// admin reads where operators look at the server.
func (v value) admin(a *Admin) {
	v.mapping(
		field{
			name: "listen", absent: "`/metrics` and `/status` are on the main listener, for staff", restart: true,
			doc: "The address of a listener of its own for `/metrics`, `/status`, `/healthz` and `/readyz`. It asks " +
				"nobody who they are: bind it to an address that only operators reach.",
			read: func(v value) { load(v, &a.Listen, address) },
		},
		field{
			name: "hosts", absent: "the host in `admin.listen`, if it is a name",
			doc: "Names by which operators reach that listener, besides `localhost` and IP addresses: other names are " +
				"refused, so that no web page can have its own name point here. The variable has commas between names.",
			read: func(v value) {
				texts(v, "names of hosts", false, hostName, func(_ value, _, name string) { a.Hosts = append(a.Hosts, name) })
			},
		},
	)
	if host, _, err := net.SplitHostPort(a.Listen); err == nil {
		if name, ok := hostName.parse(host); ok && !slices.Contains(a.Hosts, name) {
			a.Hosts = append(a.Hosts, name)
		}
	}
}
