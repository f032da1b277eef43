// Package schema holds the public API as GraphQL SDL, a file a noun. Every type, field, argument and enum value
// is described for the frontend developer who reads it in the playground.
package schema

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed *.graphqls
var files embed.FS

// SDL is the whole schema as one document, with the descriptions.
func SDL() string {
	names, err := fs.Glob(files, "*.graphqls")
	if err != nil {
		panic(fmt.Sprintf("schema: %v", err)) // the pattern is a constant
	}
	var b strings.Builder
	for _, name := range names {
		sdl, err := files.ReadFile(name)
		if err != nil {
			panic(fmt.Sprintf("schema: %v", err)) // it is embedded
		}
		b.Write(sdl)
		b.WriteString("\n")
	}
	return b.String()
}
