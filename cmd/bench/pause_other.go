//go:build !linux

package main

import "time"

// pause waits as exactly as the system's timers allow.
func pause(d time.Duration) {
	if d > 0 {
		<-time.After(d)
	}
}
