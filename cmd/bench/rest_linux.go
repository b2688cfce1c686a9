package main

import (
	"syscall"
	"time"
)

// rest stops the thread. time.Sleep would stop it for a millisecond at least, as that is what the runtime's poller counts in.
func rest(d time.Duration) {
	duration := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&duration, nil) // or until a signal comes
}
