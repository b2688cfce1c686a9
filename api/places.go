package api

import "sync"

// places bounds what runs for long in this process, in all and for each of those it runs for, so that one of them can't take
// the places of all others. It is safe for concurrent use.
type places[K comparable] struct {
	all, each int // the most of them

	mu    sync.Mutex
	total int
	taken map[K]int
}

func newPlaces[K comparable](all, each int) *places[K] {
	return &places[K]{all: all, each: each, taken: map[K]int{}}
}

// enter takes a place, if there is one. Who has it leaves it once.
func (p *places[K]) enter(who K) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.total >= p.all || p.taken[who] >= p.each {
		return false
	}
	p.total++
	p.taken[who]++
	return true
}

func (p *places[K]) leave(who K) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total--
	if p.taken[who]--; p.taken[who] == 0 {
		delete(p.taken, who)
	}
}
