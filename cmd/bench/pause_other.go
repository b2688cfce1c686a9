//go:build !linux

package main

import "time"

// pause is the runtime's timer, which may count in milliseconds.
type pause struct {
	timer  *time.Timer
	length time.Duration
}

func newPause(length time.Duration) (*pause, error) {
	return &pause{time.NewTimer(length), length}, nil
}

// take waits for the length of the pause, or longer.
func (p *pause) take() error {
	p.timer.Reset(p.length)
	<-p.timer.C
	return nil
}

func (p *pause) stop() { p.timer.Stop() }
