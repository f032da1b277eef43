package persisted

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// Manifest is the documents that a team trusts, as its build has written them down. It never
// changes, and a nil one holds nothing.
type Manifest struct {
	documents map[string]string // by id, and by [Hash]
	names     map[string]string // of the first operation, by [Hash]
}

// The bounds of a manifest.
const (
	maxManifest  = 16 << 20 // bytes
	maxDocuments = 10_000
	maxID        = 200 // bytes
)

// apolloFormat is the format of Apollo's manifests:
// https://www.apollographql.com/docs/graphos/operations/persisted-queries.
const apolloFormat = "apollo-persisted-query-manifest"

// LoadManifest reads a manifest from a file; "" is none.
func LoadManifest(path string) (*Manifest, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxManifest+1))
	if err != nil {
		return nil, err
	}
	m, err := ParseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// ParseManifest reads a manifest in one of two forms: that of Apollo's generator, and an
// object from ids to documents, which the compilers of Relay
// (https://relay.dev/docs/guides/persisted-queries/) and graphql-codegen's client preset
// (https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#persisted-documents)
// write.
func ParseManifest(data []byte) (*Manifest, error) {
	if len(data) > maxManifest {
		return nil, fmt.Errorf("the manifest has more than %d bytes", maxManifest)
	}
	var head struct {
		Format     any `json:"format"`
		Version    any `json:"version"`
		Operations []struct {
			ID   string `json:"id"`
			Body string `json:"body"`
		} `json:"operations"`
	}
	m := &Manifest{documents: map[string]string{}, names: map[string]string{}}
	if err := json.Unmarshal(data, &head); err == nil && head.Format == apolloFormat {
		if version := fmt.Sprint(head.Version); version != "1" {
			return nil, fmt.Errorf("found version %s of the manifest, expected 1", version)
		}
		for _, o := range head.Operations {
			if err := m.add(o.ID, o.Body); err != nil {
				return nil, err
			}
		}
		return m.whole()
	}
	// One by one, so that an id that stands twice is seen.
	d := json.NewDecoder(bytes.NewReader(data))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return nil, errors.New("found no JSON object, expected a manifest of Apollo, Relay or graphql-codegen")
	}
	for d.More() {
		id, err := d.Token()
		if err != nil {
			return nil, err
		}
		var document string
		if err := d.Decode(&document); err != nil {
			return nil, fmt.Errorf("%.40q is not the text of a document: expected a manifest of Apollo, Relay or graphql-codegen", id)
		}
		if err := m.add(id.(string), document); err != nil { // keys of objects are texts
			return nil, err
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("found more behind the JSON object, expected nothing")
	}
	return m.whole()
}

// add adds a document.
func (m *Manifest) add(id, document string) error {
	hash := Hash(document)
	switch other, known := m.documents[id]; {
	case id == "" || len(id) > maxID:
		return fmt.Errorf("found the id %.40q, expected 1 to %d bytes", id, maxID)
	case known && other != document:
		return fmt.Errorf("found two documents of the id %q, expected one", id)
	case len(document) > Longest:
		return fmt.Errorf("the document %q has %d bytes, and %d are allowed", id, len(document), Longest)
	case len(m.names) == maxDocuments:
		return fmt.Errorf("the manifest has more than %d documents", maxDocuments)
	}
	parsed, err := parser.ParseQuery(&ast.Source{Input: document})
	if err != nil {
		return fmt.Errorf("the document %q cannot be parsed: %w", id, err)
	}
	if len(parsed.Operations) == 0 {
		return fmt.Errorf("the document %q has no operation", id)
	}
	m.documents[id], m.documents[hash] = document, document
	m.names[hash] = parsed.Operations[0].Name
	return nil
}

// whole is the manifest, if there is anything in it.
func (m *Manifest) whole() (*Manifest, error) {
	if len(m.names) == 0 {
		return nil, errors.New("the manifest has no documents")
	}
	return m, nil
}

// Get is the document of an id: as the manifest has it, or its [Hash], which "sha256:" may go
// before (https://github.com/graphql/graphql-over-http/blob/main/rfcs/PersistedOperations.md).
func (m *Manifest) Get(id string) (document string, ok bool) {
	if m == nil {
		return "", false
	}
	if document, ok = m.documents[id]; !ok {
		document, ok = m.documents[strings.TrimPrefix(id, "sha256:")]
	}
	return document, ok
}

// Name is the name of a document's first operation, if the document is in the manifest.
func (m *Manifest) Name(document string) (name string, ok bool) {
	if m == nil {
		return "", false
	}
	name, ok = m.names[Hash(document)]
	return name, ok
}

// Len is how many documents there are.
func (m *Manifest) Len() int {
	if m == nil {
		return 0
	}
	return len(m.names)
}
