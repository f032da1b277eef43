package wire

import (
	"slices"
	"sync"
)

// singles is what replies have shown of records that were read by themselves: which members
// they have. The zero value knows nothing. It is safe for concurrent use.
type singles struct {
	mu      sync.Mutex
	members map[string]bool // whether one of the records had it
}

// note remembers which members of the core a record had that was read by itself.
func (s *singles) note(core *Core, m Members) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.members == nil {
		s.members = map[string]bool{}
	}
	for _, name := range core.Members {
		s.members[name] = s.members[name] || m.Has(name)
	}
}

// never says whether records were read by themselves and none of them had this member.
func (s *singles) never(name string) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	had, read := s.members[name]
	return read && !had
}

// lacks says whether a row lacks a member of the core that can be had.
func (s *singles) lacks(core *Core, m Members) bool {
	return slices.ContainsFunc(core.Members, func(name string) bool { return !m.Has(name) && !s.never(name) })
}
