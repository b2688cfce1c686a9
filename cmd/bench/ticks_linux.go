package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// ticks is a timer of the kernel's for one thread. The runtime's own counts in milliseconds while it waits for connections, too.
type ticks int

func newTicks(every time.Duration) (ticks, error) {
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
	if err != nil {
		return 0, fmt.Errorf("make a timer: %w", err)
	}
	t, period := ticks(timer), unix.NsecToTimespec(every.Nanoseconds())
	if err := unix.TimerfdSettime(timer, 0, &unix.ItimerSpec{Interval: period, Value: period}, nil); err != nil {
		t.stop()
		return 0, fmt.Errorf("start a timer: %w", err)
	}
	return t, nil
}

// next waits for the next tick. Those that came while nobody waited are one.
func (t ticks) next() {
	var since [8]byte
	_, _ = unix.Read(int(t), since[:]) // or until a signal comes
}

func (t ticks) stop() { _ = unix.Close(int(t)) }
