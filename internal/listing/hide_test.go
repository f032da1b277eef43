package listing

import (
	"strings"
	"testing"
	"time"
)

// TestHide wants a hidden text read back by who has the key, under its name, and nothing
// of it told.
func TestHide(t *testing.T) {
	now := time.Unix(0, 0)
	clock := func() time.Time { return now }
	s := NewSeals(clock)
	s.Use([]byte("one"))
	hidden := s.Hide("changes", "position 1")
	if again := s.Hide("changes", "position 1"); again != hidden {
		t.Errorf("equal texts differ: %s and %s", hidden, again)
	}
	other := s.Hide("changes", "position 1234567")
	if len(other) != len(hidden) || other[:IDSize] == hidden[:IDSize] {
		t.Errorf("%s and %s: want equal lengths, and ids that differ", hidden, other)
	}
	if text, err := s.Reveal("changes", hidden); err != nil || text != "position 1" {
		t.Errorf("%q, %v", text, err)
	}
	strange := NewSeals(clock)
	strange.Use([]byte("another"))
	for name, c := range map[string]struct {
		seals *Seals
		use   string
		text  string
	}{
		"another use":     {s, "lists", hidden},
		"another server":  {strange, "changes", hidden},
		"cut":             {s, "changes", hidden[:len(hidden)-1]},
		"longer":          {s, "changes", hidden + "A"},
		"nothing":         {s, "changes", ""},
		"a line break":    {s, "changes", hidden[:8] + "\n" + hidden[8:]},
		"a sealed cursor": {s, "changes", s.Seal("changes", nil)},
		"no base64":       {s, "changes", strings.Repeat("!", len(hidden))},
		"two halves":      {s, "changes", hidden[:60] + other[60:]},
	} {
		if text, err := c.seals.Reveal(c.use, c.text); err == nil {
			t.Errorf("%s is taken for %q", name, text)
		}
	}
	for i := range hidden {
		changed := []byte(hidden)
		if changed[i] = 'A'; hidden[i] == 'A' {
			changed[i] = 'B'
		}
		if _, err := s.Reveal("changes", string(changed)); err == nil {
			t.Errorf("character %d does not count", i)
		}
	}
	s.Use([]byte("two"))
	if _, err := s.Reveal("changes", hidden); err != nil {
		t.Errorf("after the key was replaced: %v", err)
	}
	now = now.Add(FormerKeyLife)
	if _, err := s.Reveal("changes", hidden); err == nil {
		t.Error("a former key counts for ever")
	}
}
