package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// pause is a kernel timer for one thread. The runtime's own timer counts in milliseconds while it also waits for connections.
type pause struct {
	timer  int
	length unix.ItimerSpec
}

func newPause(length time.Duration) (*pause, error) {
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create a timer: %w", err)
	}
	return &pause{timer, unix.ItimerSpec{Value: unix.NsecToTimespec(length.Nanoseconds())}}, nil
}

// take waits for the length of the pause.
func (p *pause) take() error {
	if err := unix.TimerfdSettime(p.timer, 0, &p.length, nil); err != nil {
		return fmt.Errorf("start a timer: %w", err)
	}
	var ended [8]byte
	_, _ = unix.Read(p.timer, ended[:]) // a signal may end it early
	return nil
}

func (p *pause) stop() { _ = unix.Close(p.timer) }
