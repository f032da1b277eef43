// Package schema holds the public API as GraphQL SDL, a file a noun. Every type, field,
// argument and enum value is described for the frontend developer who reads it in the
// playground.
package schema

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
)

//go:embed *.graphqls
var files embed.FS

// SDL is the whole schema as one document, with the descriptions and without `extend`:
// relay-compiler takes what extends a type for the client's own, and does not ask the
// server for it.
func SDL() string { return merged() }

var merged = sync.OnceValue(func() string {
	var b strings.Builder
	formatter.NewFormatter(&b, formatter.WithIndent("  ")).FormatSchema(Parsed())
	return b.String()
})

// Parsed is the schema that the executor is generated from. Nobody may change it.
var Parsed = sync.OnceValue(func() *ast.Schema {
	names, err := fs.Glob(files, "*.graphqls")
	if err != nil {
		panic(fmt.Sprintf("schema: %v", err)) // the pattern is a constant
	}
	var sources []*ast.Source
	for _, name := range names {
		sdl, err := files.ReadFile(name)
		if err != nil {
			panic(fmt.Sprintf("schema: %v", err)) // it is embedded
		}
		sources = append(sources, &ast.Source{Name: name, Input: string(sdl)})
	}
	whole, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		panic(fmt.Sprintf("schema: %v", err)) // the executor is generated from the same files
	}
	return whole
})
