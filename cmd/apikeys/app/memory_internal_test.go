package app

import (
	"context"
	"runtime"
	"testing"
	"time"
)

func TestMemoryIsGivenBackWhenThereIsLittleToDo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ticks, settled, ended := make(chan time.Time), make(chan struct{}, 1), make(chan struct{})
	var collected uint64
	go func() {
		defer close(ended)
		settleWhenIdle(ctx, ticks, func() uint64 { return collected }, func() {
			collected++ // as settling does
			settled <- struct{}{}
		})
	}()
	for range 2 {
		ticks <- time.Time{}
		<-settled
	}
	cancel()
	<-ended
}

func TestMemoryIsKeptUnderLoad(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ticks, ended := make(chan time.Time), make(chan struct{})
	var collected uint64
	go func() {
		defer close(ended)
		settleWhenIdle(ctx, ticks, func() uint64 { collected++; return collected }, func() { t.Error("it was given back") })
	}()
	for range 3 {
		ticks <- time.Time{}
	}
	cancel()
	<-ended
}

func TestCollectionsAreCounted(t *testing.T) {
	before := collections()
	runtime.GC()
	if after := collections(); after <= before {
		t.Errorf("%d, then %d", before, after)
	}
}
