package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What a file may have, far more than any needs: the parser's time and memory grow with the
// square of both.
const (
	maxFile  = 128 << 10 // bytes
	maxDepth = 50        // nested lists and mappings
)

// quoted finds what the parser's messages quote of the file, which may be a piece of a secret.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// document is a file as YAML.
type document struct {
	name string
	root ast.Node // nil where the file holds nothing
}

// parseYAML reads a file. Keys that stand twice are left in, to be refused with their path.
func parseYAML(name string, data []byte) (*document, *Problem) {
	problem := func(line, column int, message string) (*document, *Problem) {
		return nil, &Problem{Source: name, Line: line, Column: column, Message: message}
	}
	if len(data) > maxFile {
		return problem(1, 1, fmt.Sprintf("found a file of %d bytes, expected at most %s", len(data), Size(maxFile)))
	}
	if !utf8.Valid(data) {
		return problem(1, 1, "found bytes that are not UTF-8, expected YAML in UTF-8")
	}
	tokens := lexer.Tokenize(string(data))
	if at := tooDeep(tokens); at != nil {
		return problem(at.Line, at.Column, fmt.Sprintf("found more than %d lists and mappings in each other, expected fewer", maxDepth))
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var located yaml.Error
		if !errors.As(err, &located) || located.GetToken() == nil {
			return problem(1, 1, "found something else, expected YAML")
		}
		at := located.GetToken().Position
		if openedByDollar(data, at.Line, at.Column) {
			return problem(at.Line, max(at.Column-1, 1), `found ${…} inside { } or [ ], expected it in quotes: "${…}"`)
		}
		// Without the parser's excerpt of the file, which could show a secret.
		return problem(at.Line, at.Column, "not YAML: "+quoted.ReplaceAllString(located.GetMessage(), "…"))
	}
	doc := &document{name: name}
	for _, d := range file.Docs {
		if d.Body == nil {
			continue
		}
		if doc.root != nil {
			at := position(d.Body)
			return problem(at.line, at.column, "found a second document, expected one")
		}
		doc.root = d.Body
	}
	return doc, nil
}

// tooDeep is where a file goes deeper than maxDepth by the brackets open there, or by the
// dashes and question marks in one line, which nest as well; nil if it never does. (To nest
// by indentation takes a line each, which maxFile bounds.)
func tooDeep(tokens token.Tokens) *token.Position {
	open, marks, line := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			open++
		case token.MappingEndType, token.SequenceEndType:
			open--
		case token.SequenceEntryType, token.MappingKeyType:
			if t.Position.Line != line {
				marks, line = 0, t.Position.Line
			}
			marks++
		}
		if open > maxDepth || marks > maxDepth {
			return t.Position
		}
	}
	return nil
}

// openedByDollar says whether the bracket at this place belongs to ${.
func openedByDollar(data []byte, line, column int) bool {
	lines := strings.Split(string(data), "\n")
	if line < 1 || line > len(lines) {
		return false
	}
	text := []rune(lines[line-1])
	return column >= 2 && column <= len(text) && string(text[column-2:column]) == "${"
}

// place is where something stands in the file, both from 1.
type place struct{ line, column int }

// position is where a node begins.
func position(n ast.Node) place {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key // the mapping's own token is the first colon
	}
	t := n.GetToken()
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{max(t.Position.Line, 1), max(t.Position.Column, 1)}
}

// scalar is the text of a single value as it is written, quotes and escapes undone. ok is
// false for everything else, null included.
func scalar(n ast.Node) (text string, ok bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// kindOf names what is no single value, for messages.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	case *ast.AnchorNode:
		return "an anchor"
	case *ast.AliasNode:
		return "an alias"
	case *ast.TagNode:
		return "a tag"
	}
	if _, ok := scalar(n); ok {
		return "a single value"
	}
	return "something else"
}

// variable finds $${, which stands for ${, and every ${, with the rest of it where it is
// well formed: the name of a variable, or file: and a path.
var variable = regexp.MustCompile(`\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*|file:[^${}]+)\})?`)

// expand replaces each ${NAME} by the variable, each ${file:PATH} by what is in the file, and
// $${ by ${. used are the variables and files, as they are written; problem is what is wrong
// with one of them, "" where nothing is.
func expand(text string, getenv Getenv) (expanded, used, problem string) {
	expanded = variable.ReplaceAllStringFunc(text, func(s string) string {
		if s == "$${" {
			return "${"
		}
		name := variable.FindStringSubmatch(s)[1]
		used += s
		if path, ok := strings.CutPrefix(name, "file:"); ok {
			value, wrong := secretFile(path)
			if wrong != "" {
				problem = cmp.Or(problem, fmt.Sprintf("found %s, %s", s, wrong))
			}
			return value
		}
		if name == "" {
			problem = cmp.Or(problem,
				"found ${ without the name of a variable and }, expected ${NAME}, ${file:/path}, or $${ for the characters themselves")
			return ""
		}
		value, set := getenv(name)
		if !set {
			problem = cmp.Or(problem, fmt.Sprintf("found %s, expected a variable that is set in the environment", s))
		}
		return value
	})
	return expanded, used, problem
}

// maxSecret is how many bytes a file of a secret may have.
const maxSecret = 64 << 10

// secretFile is what a file holds, without a line break at its end; problem says why it
// cannot be read. Only regular files are read, so that reading ends.
func secretFile(path string) (text, problem string) {
	if !filepath.IsAbs(path) {
		return "", "expected an absolute path, like ${file:/run/secrets/name}"
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", "expected a file that exists"
	case err != nil || !info.Mode().IsRegular():
		return "", "expected a regular file that this process may read"
	case info.Size() > maxSecret:
		return "", fmt.Sprintf("expected a file of at most %d bytes", maxSecret)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", "expected a regular file that this process may read"
	}
	text = strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if text == "" {
		return "", "expected a file that is not empty"
	}
	return text, ""
}
