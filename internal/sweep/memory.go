package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/fxamacker/cbor/v2"

	"github.com/partnergraph/partnergraph/internal/intake"
	"github.com/partnergraph/partnergraph/providers"
)

// memory is what was seen of a list, as it is stored. It holds ids, dates and digests.
type memory struct {
	Round  int64    `cbor:"1,keyasint"` // how often something was found
	Whole  bool     `cbor:"2,keyasint"` // the list had no other rows
	Unread int      `cbor:"3,keyasint"` // rows that could not be read
	Fields []string `cbor:"4,keyasint"` // those of the digests, in their order
	Rows   []known  `cbor:"5,keyasint"` // newest first; behind them, those that were missing
}

// known is a row of a memory.
type known struct {
	_ struct{} `cbor:",toarray"`

	Local   string // of the id
	Owner   string // the same of the affiliate
	Dated   int64
	Digests []byte
	Missing bool // it was not on the page the last time
	There   bool // of a missing one: the vendor has it, or cannot tell
}

// decode reads a memory; nil where there is none, or none that this release can read.
func decode(b []byte, fields []string) *memory {
	m := new(memory)
	if len(b) == 0 || cbor.Unmarshal(b, m) != nil {
		return nil
	}
	if !slices.Equal(m.Fields, fields) { // of another release
		for i := range m.Rows {
			m.Rows[i].Digests = nil
		}
	}
	return m
}

// encode writes a memory.
func (m *memory) encode() []byte {
	b, err := cbor.Marshal(m)
	if err != nil {
		panic("a memory is plain data: " + err.Error())
	}
	return b
}

// change is a difference between a memory and a reading.
type change struct {
	kind providers.ChangeKind
	row
}

// compare says what a reading tells that a memory does not, oldest rows first, and what is
// known after it. m is nil where nothing was seen before: then nothing is told. shown is how
// rows were shown to whoever was told of them by others: as such they are not told again.
func (m *memory) compare(l list, now *reading, shown map[string][]byte) (next *memory, changes []change) {
	next = &memory{Whole: now.whole, Unread: now.unread, Fields: l.fields}
	if m != nil {
		next.Round = m.Round
	}
	before := m.byID()
	last := -1 // the last row of the reading that was on the page before
	for i, w := range now.rows {
		k, ok := before[w.id.Local]
		if ok && !k.Missing {
			last = i
		}
		next.Rows = append(next.Rows, known{Local: w.id.Local, Owner: w.owner.Local, Dated: w.dated, Digests: merged(k.Digests, w.digests)})
	}
	for i, w := range slices.Backward(now.rows) {
		k, ok := before[w.id.Local]
		switch {
		case m == nil || shown[w.id.Local] != nil && shows(shown[w.id.Local], w.digests):
		case !ok:
			if kind := m.kindOf(w, i < last); kind != "" {
				changes = append(changes, change{kind, w})
			}
		case differs(k.Digests, w.digests):
			changes = append(changes, change{providers.Updated, w})
		}
	}
	next.Rows = append(next.Rows, m.missing(now)...)
	next.Rows = next.Rows[:min(len(next.Rows), 2*maxRows)]
	return next, changes
}

func (m *memory) byID() map[string]known {
	rows := map[string]known{}
	if m != nil {
		for _, k := range m.Rows {
			rows[k.Local] = k
		}
	}
	return rows
}

// kindOf is how a row is told that was not there before; "" where it may have been behind
// the page. inside says that a row follows which was there.
func (m *memory) kindOf(w row, inside bool) providers.ChangeKind {
	oldest, newest := int64(0), int64(0)
	for _, k := range m.Rows {
		if k.Dated != 0 && !k.Missing {
			newest = max(newest, k.Dated)
			if oldest == 0 || k.Dated < oldest {
				oldest = k.Dated
			}
		}
	}
	later := newest != 0 && w.dated > newest
	switch {
	case later:
		return providers.Created
	case !m.Whole && !inside:
		return ""
	case m.Unread > 0 || !m.Whole && w.dated != 0 && w.dated < oldest:
		return providers.Updated
	}
	return providers.Created
}

// missing are the rows that a reading lacks and that are remembered: those that it reaches
// behind, or may hide. Others have gone behind the page.
func (m *memory) missing(now *reading) (rows []known) {
	if m == nil {
		return nil
	}
	there := map[string]bool{}
	for _, w := range now.rows {
		there[w.id.Local] = true
	}
	last := -1 // of those that are still there
	for i, k := range m.Rows {
		if there[k.Local] && !k.Missing {
			last = i
		}
	}
	for i, k := range m.Rows {
		if there[k.Local] || !k.Missing && !now.whole && now.unread == 0 && i > last {
			continue
		}
		k.Missing = true
		rows = append(rows, k)
	}
	return rows
}

// ask asks for rows that are missing, and says what became of them: those that are not there
// any more are forgotten. Some are asked for with a later round.
func (m *memory) ask(account string, l list, single func(providers.ID) (*row, error)) (changes []change) {
	if m.Unread > 0 { // they may be among these
		return nil
	}
	asked := 0
	for i := range m.Rows {
		k := &m.Rows[i]
		if !k.Missing || k.There || asked == maxAsked {
			continue
		}
		asked++
		id := providers.ID{Account: account, Noun: l.noun, Local: k.Local}
		found, err := single(id)
		switch {
		case err != nil && providers.KindOf(err).Retryable():
			asked = maxAsked // no more of them now
		case err != nil:
			k.There = true
		case found != nil:
			if differs(k.Digests, found.digests) {
				changes = append(changes, change{providers.Updated, *found})
			}
			k.There, k.Digests = true, merged(k.Digests, found.digests)
		default:
			w := row{id: id}
			if k.Owner != "" {
				w.owner = providers.ID{Account: account, Noun: providers.NounAffiliate, Local: k.Owner}
			}
			changes = append(changes, change{providers.Deleted, w})
			k.Local = "" // of no record
		}
	}
	m.Rows = slices.DeleteFunc(m.Rows, func(k known) bool { return k.Local == "" })
	return changes
}

// finding is a change as the intake takes it. Its key is the same for all who find it in the
// same round.
func (c change) finding(l list, round int64) intake.Finding {
	sum := sha256.Sum256(c.digests)
	return intake.Finding{
		Key: l.key + "/" + strconv.FormatInt(round, 10) + "/" + hex.EncodeToString(sum[:8]),
		Change: providers.Change{
			ID: c.id, Kind: c.kind, Affiliate: c.owner, Stale: c.refs, StaleLists: staleLists[l.noun],
		},
	}
}
