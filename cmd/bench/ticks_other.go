//go:build !linux

package main

import "time"

// ticks is the runtime's timer, which may count in milliseconds.
type ticks struct{ *time.Ticker }

func newTicks(every time.Duration) (ticks, error) { return ticks{time.NewTicker(every)}, nil }

func (t ticks) next() { <-t.C }

func (t ticks) stop() { t.Stop() }
