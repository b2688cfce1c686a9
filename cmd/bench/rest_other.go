//go:build !linux

package main

import "time"

// rest stops the thread, for a millisecond at least.
func rest(d time.Duration) { time.Sleep(d) }
