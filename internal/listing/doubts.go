package listing

import "github.com/partnergraph/partnergraph/providers"

// JudgeBy says of rows that do not match by which field nobody can tell whether they do: a
// field that the vendor left out, or sent in a form that cannot be read; "" for none.
func (s *Source[T]) JudgeBy(unsure func(*T) string) { s.unsure = unsure }

// Doubts are the rows that were left out because nobody can tell whether they match, each
// with the field that would decide. Like those of Unread, the requests that read a list to
// its end tell each of them once.
func (s *Source[T]) Doubts() map[providers.ID]string {
	if !s.More() {
		for i := s.next; i < len(s.rows); i++ {
			s.doubt(i)
		}
	}
	return s.doubts
}

// doubt notes row i of the page, which is left out, if nobody can tell whether it matches.
func (s *Source[T]) doubt(i int) {
	if !s.seen[s.tags[i]] {
		s.doubtRow(s.rows[i])
	}
}

func (s *Source[T]) doubtRow(row *T) {
	if s.unsure == nil {
		return
	}
	if field := s.unsure(row); field != "" {
		if s.doubts == nil {
			s.doubts = map[providers.ID]string{}
		}
		s.doubts[providers.NodeOf(row).ID] = field
	}
}
