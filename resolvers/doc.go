// Package resolvers answers the schema's fields from the domain. Nothing here knows a
// vendor, HTTP or where records are cached.
//
// A query takes this way:
//
//   - [Extension] gives the operation its loaders and its trace, refuses what the viewer's
//     role may not ask for (access.go), plans what it will cost and refuses what costs too
//     much (cost.go).
//   - What a partner sees of an account is decided by a provider of its own around the
//     account's: [partner.View].
//   - A root list (lists.go) asks every account that the viewer may see (scope.go) and
//     merges what comes, newest first (merge.go), from where the cursor left off
//     (cursor.go).
//   - An edge to one record (one.go) asks the loader of its noun; an edge to many (many.go)
//     is a list of its own, read together with those of its siblings where that is cheaper.
//     Both are declared in one table, edges.go.
//   - errors.go says how errors look to clients.
package resolvers
