package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/persisted"
)

// This file is automatic persisted queries, Apollo's protocol:
// https://www.apollographql.com/docs/apollo-server/performance/apq. A client sends the hash
// of its document alone; told that it is not known, it sends both, once. (gqlgen's
// extension of the protocol keeps documents before they are found to be within the limits
// and valid.)

// part is whose documents a viewer may know of: a partner may not learn what staff ask for,
// by guessing it.
func part(ctx context.Context) persisted.Part {
	if v := auth.ViewerFrom(ctx); v != nil && v.Role == auth.RolePartner {
		return persisted.Partners
	}
	return persisted.Staff
}

var sha256Digits = regexp.MustCompile(`^[0-9a-f]{64}$`)

// readHash reads the hash of the document from the request's extensions, and checks it
// against the document, if that was sent too.
func (q *request) readHash(extensions json.RawMessage) *refusal {
	sent := map[string]json.RawMessage{"persistedQuery": nil}
	if isObject(extensions) {
		pick(extensions, sent)
	}
	extension := sent["persistedQuery"]
	if extension == nil || isNull(extension) {
		return nil
	}
	if !isObject(extension) {
		return malformed("`extensions.persistedQuery` is not an object in JSON")
	}
	members := map[string]json.RawMessage{"version": nil, "sha256Hash": nil}
	pick(extension, members)
	if string(members["version"]) != "1" {
		return malformed("`extensions.persistedQuery.version` is not 1, the only version that there is")
	}
	_ = json.Unmarshal(members["sha256Hash"], &q.hash) // what is no text, is no hash
	if !sha256Digits.MatchString(q.hash) {
		return malformed("`extensions.persistedQuery.sha256Hash` is not a SHA-256 in 64 lower-case hexadecimal digits")
	}
	q.keep = q.Query != ""
	if q.keep && persisted.Hash(q.Query) != q.hash {
		return malformed("`extensions.persistedQuery.sha256Hash` is not the SHA-256 of `query`")
	}
	return nil
}

// recall finds the document of a request that has its hash or its id alone, and says whether
// there now is one. What the manifest has goes before what clients have sent.
func (t transport) recall(ctx context.Context, q *request) (ok bool) {
	if q.Query != "" {
		return true
	}
	if q.Query, ok = t.trusted.Manifest.Get(cmp.Or(q.id, q.hash)); !ok && q.hash != "" {
		q.Query, ok = t.persisted.Get(ctx, part(ctx), q.hash)
	}
	return ok
}

// Trusted are the documents of the team's own programs.
type Trusted struct {
	Manifest *persisted.Manifest // nil: none
	Only     []auth.Role         // whose requests are executed for documents of the manifest alone
}

// admit refuses a document that is not in the manifest, where its viewer may send no other.
// It is refused before it is parsed.
func (t Trusted) admit(ctx context.Context, document string) *refusal {
	name, ok := t.Manifest.Name(document)
	if ok {
		note(ctx, func(l *line) { l.trusted = name })
		return nil
	}
	if v := auth.ViewerFrom(ctx); v == nil || !slices.Contains(t.Only, v.Role) {
		return nil
	}
	return refused(http.StatusForbidden, apierror.Forbidden,
		"this document is not in the manifest of trusted documents, and your role may send no other (persisted_operations.only)")
}

// keep keeps a document that came with its hash, within its viewer's quota. It is within
// the limits, and valid. A partner's in which a text is written is not kept: another
// partner who guesses it would learn who is looked for, and in those of programs that use
// variables there is none.
func (t transport) keep(ctx context.Context, q *request) {
	part := part(ctx)
	if !q.keep || part == persisted.Partners && strings.Contains(q.Query, `"`) {
		return
	}
	viewer := ""
	if v := auth.ViewerFrom(ctx); v != nil {
		viewer = v.Subject
	}
	if _, known := t.persisted.Get(ctx, part, q.hash); !known && t.quota.Take(viewer, q.Query) {
		t.persisted.Put(ctx, part, q.Query)
	}
}

// notPersisted is the error that makes a client send its document. Clients go by its
// message or its code, both Apollo's.
func notPersisted() *gqlerror.Error {
	return &gqlerror.Error{Message: "PersistedQueryNotFound", Extensions: map[string]any{"code": "PERSISTED_QUERY_NOT_FOUND"}}
}
