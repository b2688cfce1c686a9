package usage

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// shards is how many parts the notes are kept in, each with a lock of its own, so that requests rarely wait for each other.
const shards = 32

// roomKept is for how many notes a shard keeps room that it did not need the last time.
const roomKept = 64

// shard is the notes of some of the keys.
type shard struct {
	mu    sync.Mutex
	notes notes
	spare notes // empty; belongs to whoever flushes

	_ [64]byte // no cache line with the lock of another
}

// drain moves the notes to what is to be written. Only the one who flushes may call it.
func (s *shard) drain(to *pending) {
	s.mu.Lock()
	if len(s.notes.list) == 0 { // then there are no denials either
		s.mu.Unlock()
		return
	}
	s.notes, s.spare = s.spare, s.notes
	s.mu.Unlock()
	to.notes = append(to.notes, s.spare.list...)
	for clientID, denials := range s.spare.denials {
		to.denials[clientID] = newest(to.denials[clientID], denials...)
	}
	s.spare.clear()
}

// note is what happened in an hour, with one secret, or to a key that was denied.
type note struct {
	id                 string // of the secret, or of the client
	hour               int64  // its start, unix seconds
	clientID, secretID string // no secret where a key was denied
	at                 time.Time
	ip                 string
	issued, denied     int64
}

// add adds what happened in the same hour, at another time.
func (n *note) add(other note) {
	n.issued += other.issued
	n.denied += other.denied
	if other.at.After(n.at) {
		n.at, n.ip = other.at, other.ip
	}
}

// notes is what happened since the last flush.
type notes struct {
	list    []note
	latest  map[string]int      // where in the list the latest note of an id is
	denials map[string][]Denial // by client id, the newest last
}

func newNotes() notes { return notes{latest: map[string]int{}, denials: map[string][]Denial{}} }

// of returns the note of the present hour, until the next call.
func (n *notes) of(id, clientID string, now time.Time) *note {
	unix := now.Unix()
	hour := unix - unix%3600
	i, ok := n.latest[id]
	if !ok || n.list[i].hour != hour {
		i = len(n.list)
		n.list = append(n.list, note{id: id, hour: hour, clientID: clientID})
		n.latest[id] = i
	}
	return &n.list[i]
}

// clear forgets all, and keeps the room for as much, unless that was far more than it took.
func (n *notes) clear() {
	if cap(n.list) > max(roomKept, 4*len(n.list)) {
		*n = newNotes()
		return
	}
	clear(n.list) // the texts in it
	n.list = n.list[:0]
	clear(n.latest)
	clear(n.denials)
}

// newest appends denials to a client's others, of which the newest [DenialsKept] stay.
func newest(kept []Denial, more ...Denial) []Denial {
	kept = append(kept, more...)
	if surplus := len(kept) - DenialsKept; surplus > 0 {
		kept = kept[:copy(kept, kept[surplus:])]
	}
	return kept
}

// pending is what is to be written.
type pending struct {
	notes   []note
	denials map[string][]Denial // by client id, the newest last
}

// merge puts the notes into the order of their client ids, one of each secret and hour, however often writing has failed.
func (p *pending) merge() {
	slices.SortFunc(p.notes, func(a, b note) int {
		return cmp.Or(strings.Compare(a.clientID, b.clientID), strings.Compare(a.id, b.id), cmp.Compare(a.hour, b.hour))
	})
	merged := p.notes[:0]
	for _, n := range p.notes {
		if last := len(merged) - 1; last >= 0 && merged[last].id == n.id && merged[last].hour == n.hour {
			merged[last].add(n)
			continue
		}
		merged = append(merged, n)
	}
	clear(p.notes[len(merged):]) // the texts in them
	p.notes = merged
}

// forget removes what has been written, the first notes, and the denials of the keys that they are about.
func (p *pending) forget(written []note) {
	for _, n := range written {
		delete(p.denials, n.id) // which is that of a client, or nobody's
	}
	p.notes = p.notes[len(written):]
	if len(p.notes) == 0 {
		p.notes = nil
	}
}

// batch returns notes in the store's terms, with the denials of the clients that they are about.
func (p *pending) batch(of []note) Batch {
	b := Batch{Counts: make([]Count, 0, len(of)), Uses: make([]Use, 0, len(of))}
	for i, n := range of {
		if n.issued > 0 || n.denied > 0 {
			b.Counts = append(b.Counts, Count{
				ClientID: n.clientID, SecretID: n.secretID, Hour: time.Unix(n.hour, 0).UTC(), Issued: n.issued, Denied: n.denied,
			})
		}
		if n.secretID != "" {
			b.Uses = append(b.Uses, Use{n.clientID, n.secretID, n.at.UTC().Truncate(time.Microsecond), n.ip})
		}
		if i == 0 || of[i-1].id != n.id { // once, however many hours
			b.Denials = append(b.Denials, p.denials[n.id]...)
		}
	}
	return b
}
