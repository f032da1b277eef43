package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/goccy/go-yaml/ast"

	"github.com/partnergraph/partnergraph/providers"
)

// reader reads one configuration and gathers what is wrong with it.
type reader struct {
	name     string // of the file
	getenv   Getenv
	vendors  *providers.Registry
	problems Problems
	settings *[]Setting // where Reference collects the settings; nil while a configuration is read

	known map[string]bool // the variables that were looked up as overrides
}

// value is a place in the configuration, whether or not the file has something there.
type value struct {
	*reader
	path     string
	variable string   // the environment variable that overrides it; "" where none can
	node     ast.Node // nil: the file has nothing here
	at       place    // where the node begins; without one, where the mapping does that lacks it
	secret   bool     // messages must not show the keys that are here
	restart  bool     // a change needs a restart
}

// child is the place of a key in a mapping.
func (v value) child(name string, node ast.Node) value {
	c := value{reader: v.reader, path: name, node: node, at: v.at, restart: v.restart}
	if v.path != "" {
		c.path = v.path + "." + name
	}
	if v.variable != "" {
		c.variable = v.variable + "_" + strings.ToUpper(name)
	}
	if node != nil {
		c.at = position(node)
	}
	return c
}

// problem reports something wrong here in the file.
func (v value) problem(format string, args ...any) { v.problemIn("", format, args...) }

// problemIn reports something wrong with what a variable puts here; without a variable,
// with the file.
func (v value) problemIn(variable, format string, args ...any) {
	p := Problem{Source: v.name, Line: v.at.line, Column: v.at.column, Path: v.path, Message: fmt.Sprintf(format, args...)}
	if variable != "" {
		p.Source, p.Line, p.Column = variable, 0, 0
	}
	v.problems = append(v.problems, p)
}

// override is the text that a variable puts here, if it does.
func (v value) override(variable string) (text string, ok bool) {
	if variable == "" {
		return "", false
	}
	if v.known != nil {
		v.known[variable] = true
	}
	text, ok = v.getenv(variable)
	return text, ok && text != ""
}

// field is a key of a mapping. Its read is called once, with the key in the file or without.
type field struct {
	name    string
	doc     string // what it does, in sentences, for [Reference]
	absent  string // what happens without it, where it has no default value
	read    func(value)
	want    string // what is expected, of a single value that has to be there
	restart bool   // a change needs a restart, of it and of all that is in it
}

// setting is a field that holds a single value. dst keeps its default where neither the
// file nor the environment has one.
func setting[T any](name string, dst *T, k kind[T], doc string) field {
	return field{name: name, doc: doc, read: func(v value) { load(v, dst, k) }}
}

// required is a setting that has no default.
func required[T any](name string, dst *T, k kind[T], doc string) field {
	f := setting(name, dst, k, doc)
	f.want = k.want
	return f
}

// without is the field with a description of what happens without it.
func (f field) without(text string) field {
	f.absent = text
	return f
}

// restarting is the field, of which a change needs a restart.
func (f field) restarting() field {
	f.restart = true
	return f
}

// load reads the single value here, from the environment or else from the file, and says
// whether dst was set.
func load[T any](v value, dst *T, k kind[T]) bool {
	if v.describing() {
		v.describe(k.want, *dst)
		return false
	}
	if text, ok := v.override(v.variable); ok {
		return override(v, v.variable, text, dst, k)
	}
	if v.node == nil {
		return false
	}
	written, ok := scalar(v.node)
	if !ok {
		v.problem("found %s, expected %s", kindOf(v.node), k.want)
		return false
	}
	text, used, problem := expand(written, v.getenv)
	if problem != "" {
		v.problem("%s", problem)
		return false
	}
	parsed, ok := k.parse(text)
	switch {
	case ok:
		*dst = parsed
	case used != "" && text != "": // never the variable's value, which may be a secret in the wrong place
		v.problem("found the value of %s, expected %s", used, k.want)
	default:
		v.problem("found %s, expected %s", shown(text, k.hide), k.want)
	}
	return ok
}

// override reads a value from a variable's text.
func override[T any](v value, variable, text string, dst *T, k kind[T]) bool {
	parsed, ok := k.parse(text)
	if !ok {
		v.problemIn(variable, "found %s, expected %s", shown(text, k.hide), k.want)
		return false
	}
	*dst = parsed
	return true
}

// shown is a text for messages.
func shown(text string, hide func(string) bool) string {
	const most = 60
	switch runes := []rune(text); {
	case text == "":
		return "an empty text"
	case hide != nil && hide(text):
		return "a text that is not shown here"
	case len(runes) > most:
		return fmt.Sprintf("%q", string(runes[:most])+"…")
	}
	return fmt.Sprintf("%q", text)
}

// plainKey is a key that messages may show. A value that lost the space before it,
// "api_key:abc", is none.
var plainKey = regexp.MustCompile(`^[A-Za-z][A-Za-z_-]{0,30}$`)

// mapping reads the mapping here, or the environment's part of it where the file has none.
// Fields are read in the order given: later ones may build on earlier ones, which may also
// change v for them.
func (v *value) mapping(fields ...field) {
	var names []string // that may be expected
	nodes := map[string]ast.Node{}
	for _, f := range fields {
		nodes[f.name] = nil
		names = append(names, f.name)
	}
	switch n := v.node.(type) {
	case nil:
	case *ast.MappingNode:
		for _, entry := range n.Values {
			v.entry(entry, names, nodes)
		}
	default:
		v.problem("found %s, expected a mapping with the keys %s", kindOf(n), strings.Join(names, ", "))
		return
	}
	for _, f := range fields {
		c := v.child(f.name, nodes[f.name])
		c.restart = c.restart || f.restart
		if v.describing() {
			c.introduce(f)
			continue
		}
		_, overridden := v.override(c.variable)
		if f.want != "" && c.node == nil && !overridden {
			c.problem("missing, expected %s", f.want)
			continue
		}
		f.read(c)
	}
	if v.describing() && !strings.HasSuffix(v.path, "[]") {
		v.describe(mappingType, "")
	}
}

// entry puts one entry of a mapping into nodes, if its key is there and is the first of its
// name. names are the keys to be expected.
func (v value) entry(entry *ast.MappingValueNode, names []string, nodes map[string]ast.Node) {
	v.at = position(entry.Key)
	key := ""
	if n, ok := entry.Key.(*ast.StringNode); ok {
		key = n.Value
	}
	if node, known := nodes[key]; known {
		if node != nil {
			v.path = v.child(key, nil).path
			v.problem("found twice, expected once")
			return
		}
		nodes[key] = entry.Value
		return
	}
	near := nearest(key, names)
	switch {
	case v.secret || near == "" && !plainKey.MatchString(key):
		v.problem("found an unknown key, expected %s", either(names))
	case near != "":
		v.problem("found the unknown key %q, expected %q", key, near)
	default:
		v.problem("found the unknown key %q, expected %s", key, either(names))
	}
}

// nearest is the name that a misspelt key was meant to be; "" if it is like none.
func nearest(key string, names []string) string {
	best, distance := "", 3
	if len(key) > 40 { // longer than any name: nothing to compare
		return best
	}
	for _, name := range names {
		if d := levenshtein.ComputeDistance(strings.ToLower(key), name); d < distance && 2*d <= len(name) {
			best, distance = name, d
		}
	}
	return best
}

// list reads each entry of the list here. need says whether there has to be a list; if
// there is one, it has to have entries. They have no names that variables could override
// them by.
func (v value) list(want string, need bool, read func(value)) {
	if v.describing() {
		read(value{reader: v.reader, path: v.path + "[]", restart: v.restart})
		v.describe(listType, "")
		return
	}
	if v.node == nil {
		if need {
			v.problem("missing, expected a list of %s", want)
		}
		return
	}
	n, ok := v.node.(*ast.SequenceNode)
	if !ok {
		v.problem("found %s, expected a list of %s", kindOf(v.node), want)
		return
	}
	if len(n.Values) == 0 {
		v.problem("found an empty list, expected a list of %s", want)
	}
	for i, node := range n.Values {
		read(value{reader: v.reader, path: fmt.Sprintf("%s[%d]", v.path, i), node: node, at: position(node)})
	}
}
