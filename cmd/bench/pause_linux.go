package main

import (
	"syscall"
	"time"
)

// pause waits to within some ten microseconds; the runtime's timers are good to a millisecond. A signal may end it early.
func pause(d time.Duration) {
	if d <= 0 {
		return
	}
	interval := syscall.NsecToTimespec(d.Nanoseconds())
	_ = syscall.Nanosleep(&interval, nil) // a request that is sent a little early does no harm
}
