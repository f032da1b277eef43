package config

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Setting documents one key of the configuration.
type Setting struct {
	Path     string // like limits.calls; accounts[].id is a key of each entry of accounts
	Type     string // what its value has to be, with its bounds
	Default  string // its value without it; "" where it is required, or where Absent says more
	Absent   string // what happens without it
	Variable string // the environment variable that overrides it; "" where none can
	Doc      string // what it does
	Required bool   // within the mapping that it is in
	Restart  bool   // a change needs a restart; other changes take effect with a reload
}

// Reference documents every key that a configuration may have, in the order in which they
// are read. It runs the functions that read a configuration, so that it cannot lack a key.
func Reference(reg *providers.Registry) []Setting {
	var settings []Setting
	r := &reader{getenv: func(string) (string, bool) { return "", false }, vendors: reg, settings: &settings}
	r.read(nil)
	return settings
}

// The types of settings that hold other settings.
const (
	mappingType = "a mapping"
	listType    = "a list of mappings"
)

// mandatory is the absent of a field whose own function reports that it is missing.
const mandatory = "an error"

// describing says whether the settings are documented, instead of a configuration being read.
func (r *reader) describing() bool { return r.settings != nil }

// introduce documents a field, and what is in it.
func (v value) introduce(f field) {
	s := Setting{Path: v.path, Doc: f.doc, Absent: f.absent, Required: f.want != "" || f.absent == mandatory, Restart: v.restart}
	*v.settings = append(*v.settings, s)
	f.read(v)
}

// describe adds to the documentation of the setting here which values it takes, unless that
// is known.
func (v value) describe(want string, initial any) {
	path, each := strings.CutSuffix(v.path, "[]")
	if each {
		want = "a list; each entry: " + want
	}
	for i := range *v.settings {
		s := &(*v.settings)[i]
		if s.Path != path || s.Type != "" {
			continue
		}
		if s.Type = want; !s.group() {
			s.Variable = v.variable
		}
		if !s.Required && s.Absent == "" {
			s.Default = fmt.Sprint(initial)
			if _, ok := initial.(slog.Level); ok {
				s.Default = strings.ToLower(s.Default)
			}
			if d, ok := initial.(time.Duration); ok {
				s.Default = written(d)
			}
		}
	}
}

// WriteReference writes the reference of all settings as Markdown: a section for each
// top-level key.
func WriteReference(w io.Writer, reg *providers.Registry) error {
	var b strings.Builder
	for i, s := range Reference(reg) {
		top := !strings.ContainsAny(s.Path, ".[")
		if top && i > 0 {
			b.WriteString("\n")
		}
		switch facts := strings.Join(s.facts(), " · "); {
		case !top:
			fmt.Fprintf(&b, "- **`%s`**: %s\n  %s\n", s.Path, facts, s.Doc)
		case s.group():
			absent := "Without it: " + s.Absent + "."
			if s.Required {
				absent = "Required."
			}
			fmt.Fprintf(&b, "### `%s`\n\n%s %s\n\n", s.Path, s.Doc, absent)
		default:
			fmt.Fprintf(&b, "### `%s`\n\n- **`%s`**: %s\n  %s\n", s.Path, s.Path, facts, s.Doc)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// group says whether it holds other settings.
func (s Setting) group() bool { return s.Type == mappingType || s.Type == listType }

// facts are the type of a setting, its default, its variable, and when a change takes effect.
func (s Setting) facts() []string {
	facts := []string{s.Type}
	switch {
	case s.Required:
		facts = append(facts, "required")
	case s.Absent != "":
		facts = append(facts, "without it: "+s.Absent)
	default:
		facts = append(facts, "default `"+s.Default+"`")
	}
	if s.Variable != "" {
		facts = append(facts, "`"+s.Variable+"`")
	}
	if s.Restart {
		return append(facts, "restart")
	}
	return append(facts, "reload")
}
