package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with the configuration.
type Problem struct {
	Source  string // the file, or the environment variable
	Line    int    // in the file, from 1; 0 for a variable
	Column  int    // in the line, from 1; 0 for a variable
	Path    string // of the value: "accounts[1].currency"; "" where the file cannot be read as YAML
	Message string // what was found, and what was expected
}

// String is the problem in a line: "server.yaml:12:15: accounts[1].currency: found …,
// expected …".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Source)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	if p.Path != "" {
		b.WriteString(": " + p.Path)
	}
	return b.String() + ": " + p.Message
}

// Problems is an error that tells all that is wrong: first the file's problems in their order
// there, then the environment's.
type Problems []Problem

// Error has a line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// sorted puts problems into the order that Problems promises.
func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(min(b.Line, 1), min(a.Line, 1)), // variables, on line 0, last
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
		)
	})
	return p
}
