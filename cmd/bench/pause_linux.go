package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// pause is a timer of the kernel's for one thread. The runtime's own counts in milliseconds while it waits for connections, too.
type pause struct {
	timer  int
	length unix.ItimerSpec
}

func newPause(length time.Duration) (*pause, error) {
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a timer: %w", err)
	}
	return &pause{timer, unix.ItimerSpec{Value: unix.NsecToTimespec(length.Nanoseconds())}}, nil
}

// take waits for as long as the pause is.
func (p *pause) take() error {
	if err := unix.TimerfdSettime(p.timer, 0, &p.length, nil); err != nil {
		return fmt.Errorf("start a timer: %w", err)
	}
	var ended [8]byte
	_, _ = unix.Read(p.timer, ended[:]) // or until a signal comes
	return nil
}

func (p *pause) stop() { _ = unix.Close(p.timer) }
