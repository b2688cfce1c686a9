package api

import "sync"

// places bounds how many long-running things this process does at once, in total and for each K, so that one K can't take the
// places of all others. It is safe for concurrent use.
type places[K comparable] struct {
	all, each int // the limits, in total and for one K

	mu    sync.Mutex
	total int
	taken map[K]int
}

func newPlaces[K comparable](all, each int) *places[K] {
	return &places[K]{all: all, each: each, taken: map[K]int{}}
}

// enter takes a place and reports whether one was free. Whoever got a place must call leave once.
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
