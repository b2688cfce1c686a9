package usage

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// shards is how many parts the notes are divided into, each with its own lock, so that requests rarely wait for each other.
const shards = 32

// roomKept is the capacity, in notes, that a shard keeps in any case, even if it was not needed last time.
const roomKept = 64

// shard holds the notes of some of the keys.
type shard struct {
	mu    sync.Mutex
	notes notes
	spare notes // empty; belongs to the running flush

	_ [64]byte // keeps the lock of another shard out of this cache line
}

// drain moves the notes to those that are to be written. Only the running flush may call it.
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

// note counts what happened within an hour to one secret, or to a key that was denied.
type note struct {
	id                 string // of the secret, or of the client if it was denied
	hour               int64  // its start, in Unix seconds
	clientID, secretID string // secretID is empty if the key was denied
	at                 time.Time
	ip                 string
	issued, denied     int64
}

// add adds another note for the same hour.
func (n *note) add(other note) {
	n.issued += other.issued
	n.denied += other.denied
	if other.at.After(n.at) {
		n.at, n.ip = other.at, other.ip
	}
}

// notes are the notes since the last flush.
type notes struct {
	list    []note
	latest  map[string]int      // index in list of the latest note for an ID
	denials map[string][]Denial // by client ID, the newest last
}

func newNotes() notes { return notes{latest: map[string]int{}, denials: map[string][]Denial{}} }

// of returns the note for the current hour; it is valid until the next call.
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

// clear removes all notes but keeps their memory for reuse, unless it is far more than was needed.
func (n *notes) clear() {
	if cap(n.list) > max(roomKept, 4*len(n.list)) {
		*n = newNotes()
		return
	}
	clear(n.list) // releases the strings
	n.list = n.list[:0]
	clear(n.latest)
	clear(n.denials)
}

// newest appends denials to those of a client, and keeps the newest [DenialsKept].
func newest(kept []Denial, more ...Denial) []Denial {
	kept = append(kept, more...)
	if surplus := len(kept) - DenialsKept; surplus > 0 {
		kept = kept[:copy(kept, kept[surplus:])]
	}
	return kept
}

// pending is what is still to be written.
type pending struct {
	notes   []note
	denials map[string][]Denial // by client ID, the newest last
}

// merge sorts the notes by client ID and merges those of the same secret and hour, of which there are several if writing has
// failed before.
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
	clear(p.notes[len(merged):]) // releases the strings
	p.notes = merged
}

// forget removes the notes that have been written, which are the first ones, and the denials of their keys.
func (p *pending) forget(written []note) {
	for _, n := range written {
		delete(p.denials, n.id) // n.id may be the ID of a secret, which has no denials
	}
	p.notes = p.notes[len(written):]
	if len(p.notes) == 0 {
		p.notes = nil
	}
}

// batch converts notes into a batch for the store, with the denials of their clients.
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
		if i == 0 || of[i-1].id != n.id { // once per ID, however many hours there are
			b.Denials = append(b.Denials, p.denials[n.id]...)
		}
	}
	return b
}
