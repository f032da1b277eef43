package main

import (
	"bytes"
	_ "embed"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/99designs/gqlgen/plugin"
)

// output matches the names of gqlgen's functions and variables that make answers of values.
var output = regexp.MustCompile(`^(_[A-Z_].*|fieldContext_.*|childFields_.*|marshal[NO].*|.*Implementors)$`)

// unmarshalers matches the map of the functions that read inputs, which gqlgen makes for
// each request. Only custom code would look into it, of which there is none.
var unmarshalers = regexp.MustCompile(
	`(?s)\tinputUnmarshalMap := graphql\.BuildUnmarshalerMap\(.*?\n\t\)\n|\t+ctx = graphql\.WithUnmarshalerMap\([^\n]*\n`,
)

// trimInput leaves of gqlgen's executor what reads requests.
func trimInput(filename string) error {
	text, err := os.ReadFile(filename)
	if err != nil {
		return err
	}
	text, err = trim(text, func(decl ast.Decl) bool {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			return output.MatchString(d.Name.Name)
		case *ast.GenDecl:
			v, ok := d.Specs[0].(*ast.ValueSpec)
			return ok && output.MatchString(v.Names[0].Name)
		}
		return false
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filename, unmarshalers.ReplaceAll(text, nil), 0o644)
}

// trim cuts declarations out of the text of a Go file, and the imports that nothing else needs.
func trim(text []byte, unwanted func(ast.Decl) bool) ([]byte, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	type span struct{ from, to token.Pos }
	var cuts []span
	cut := func(doc *ast.CommentGroup, node ast.Node) {
		from := node.Pos()
		if doc != nil {
			from = doc.Pos()
		}
		cuts = append(cuts, span{from, node.End()})
	}
	used := map[string]bool{}
	for _, decl := range file.Decls {
		if unwanted(decl) {
			var doc *ast.CommentGroup
			if f, ok := decl.(*ast.FuncDecl); ok {
				doc = f.Doc
			}
			cut(doc, decl)
			continue
		}
		ast.Inspect(decl, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if pkg, ok := s.X.(*ast.Ident); ok {
					used[pkg.Name] = true
				}
			}
			return true
		})
	}
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		name := filepath.Base(path)
		if spec.Name != nil {
			name = spec.Name.Name
		} else if filepath.Base(filepath.Dir(path)) == "gqlparser" && strings.HasPrefix(name, "v") {
			name = "gqlparser"
		}
		if !used[name] && name != "_" {
			cut(nil, spec)
		}
	}
	slices.SortFunc(cuts, func(a, b span) int { return int(b.from - a.from) })
	for _, c := range cuts {
		text = slices.Delete(text, fset.Position(c.from).Offset, fset.Position(c.to).Offset)
	}
	text = regexp.MustCompile(`(?m)^// (end)?region .*\n`).ReplaceAll(text, nil)
	text = regexp.MustCompile(`\n{3,}`).ReplaceAll(text, []byte("\n\n"))
	return format.Source(bytes.TrimSpace(text))
}

//go:embed fake.gotpl
var fakeTemplate string

// generateStock writes gqlgen's unchanged executor as package stock. Its resolver interfaces are
// those of package graph, so that the same resolvers serve both: fakes, which it writes as well.
func generateStock(dir string) error {
	cfg, err := config.LoadConfig("gqlgen.yml")
	if err != nil {
		return err
	}
	filename := filepath.Join(dir, "stock.go")
	cfg.Exec.Filename, cfg.Exec.Package = filename, "stock"
	cfg.Model = config.PackageConfig{} // else gqlgen removes the file
	cfg.SkipValidation = true
	var e executor
	e.queriesOnly = true
	var alone api.Option = func(_ *config.Config, plugins *[]plugin.Plugin) { *plugins = []plugin.Plugin{&e} }
	if err := api.Generate(cfg, alone); err != nil {
		return err
	}
	err = templates.Render(templates.Options{
		PackageName:     cfg.Exec.Package,
		Filename:        filepath.Join(dir, "fake.go"),
		Data:            e.data,
		GeneratedHeader: true,
		Packages:        cfg.Packages,
		Template:        fakeTemplate,
		PruneOptions:    cfg.GetPruneOptions(),
	})
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filename)
	if err != nil {
		return err
	}
	const graph = "github.com/partnergraph/partnergraph/graph"
	interfaces := regexp.MustCompile(`(?ms)^type (\w+Resolver|ResolverRoot|DirectiveRoot) (interface|struct) \{.*?^\}`)
	text = interfaces.ReplaceAll(text, []byte("type $1 = graph.$1"))
	text = bytes.Replace(text, []byte("import (\n"), []byte("import (\n\t\""+graph+"\"\n"), 1)
	text, err = trim(text, func(ast.Decl) bool { return false })
	if err != nil {
		return err
	}
	return os.WriteFile(filename, text, 0o644)
}
