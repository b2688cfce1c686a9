// Package signingtest verifies that an implementation of signing.Store fulfils the contract. It owns no database: implementations
// call [Run] with a function that opens a new one.
package signingtest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/signing"
)

// Backend is an empty database.
type Backend struct {
	Keys signing.Store
	Log  eventlog.Log
}

// Run tests the implementation. open returns a new backend that is closed when the test ends; several parallel tests call it at
// once.
func Run(t *testing.T, open func(t *testing.T) Backend) {
	tests := []struct {
		name  string
		prove func(t *testing.T, b Backend)
	}{
		{"RotationAddsAKeyAndEndsOthers", rotation},
		{"NothingOrAnErrorWritesNothing", nothing},
		{"RotationsAtOnceSeeEachOther", race},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.prove(t, open(t))
		})
	}
}

var epoch = time.Date(2030, time.March, 1, 12, 0, 0, 123_456_000, time.UTC)

func record(kid string, notBefore time.Time) signing.Record {
	return signing.Record{KID: kid, Algorithm: "ES256", Private: []byte{0, 0xff, 1}, CreatedAt: epoch, NotBefore: notBefore}
}

func adding(r signing.Record) *signing.Change {
	event := eventlog.Draft{At: epoch, Action: eventlog.SigningKeyCreated, Subject: eventlog.Subject{Kind: eventlog.SubjectSigningKey, ID: r.KID}}
	return &signing.Change{Add: &r, Event: event}
}

func change(t *testing.T, b Backend, change func([]signing.Record) (*signing.Change, error)) {
	t.Helper()
	if err := b.Keys.ChangeSigningKeys(t.Context(), change); err != nil {
		t.Fatal(err)
	}
}

func wantKeys(t *testing.T, b Backend, want ...signing.Record) {
	t.Helper()
	got, err := b.Keys.SigningKeys(t.Context())
	if err != nil || len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

func wantEvents(t *testing.T, b Backend, want int64) {
	t.Helper()
	head, err := eventlog.Verify(t.Context(), b.Log, eventlog.EmptyHead())
	if err != nil || head.Seq != want {
		t.Errorf("the log is at %d, %v; want %d", head.Seq, err, want)
	}
}

func rotation(t *testing.T, b Backend) {
	wantKeys(t, b)
	later, first := record("later", epoch.Add(time.Hour)), record("first", epoch)
	change(t, b, func(keys []signing.Record) (*signing.Change, error) {
		if len(keys) != 0 {
			t.Errorf("an empty database has %+v", keys)
		}
		return adding(later), nil
	})
	change(t, b, func([]signing.Record) (*signing.Change, error) { return adding(first), nil })
	wantKeys(t, b, first, later)
	next := record("next", epoch.Add(2*time.Hour))
	first.RetireAt, later.RetireAt = epoch.Add(3*time.Hour), epoch.Add(4*time.Hour)
	change(t, b, func(keys []signing.Record) (*signing.Change, error) {
		if len(keys) != 2 || keys[0].KID != "first" {
			t.Errorf("the change was given %+v", keys)
		}
		rotated := adding(next)
		rotated.RetireAt = map[string]time.Time{"first": first.RetireAt, "later": later.RetireAt}
		return rotated, nil
	})
	wantKeys(t, b, first, later, next)
	wantEvents(t, b, 3)
}

func nothing(t *testing.T, b Backend) {
	failure := errors.New("no")
	err := b.Keys.ChangeSigningKeys(t.Context(), func([]signing.Record) (*signing.Change, error) { return adding(record("k", epoch)), failure })
	if err != failure { //nolint:errorlint // the same error, not one that wraps it
		t.Errorf("got %v, want %v as it is", err, failure)
	}
	change(t, b, func([]signing.Record) (*signing.Change, error) { return nil, nil })
	wantKeys(t, b)
	wantEvents(t, b, 0)
}

// race checks that replicas that start together create only one first key.
func race(t *testing.T, b Backend) {
	const replicas = 8
	failures := make(chan error, replicas)
	for i := range replicas {
		go func() {
			failures <- b.Keys.ChangeSigningKeys(t.Context(), func(keys []signing.Record) (*signing.Change, error) {
				if len(keys) > 0 {
					return nil, nil
				}
				return adding(record(fmt.Sprint(i), epoch)), nil
			})
		}()
	}
	for range replicas {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
	if keys, err := b.Keys.SigningKeys(t.Context()); err != nil || len(keys) != 1 {
		t.Errorf("%d replicas made %d keys, %v", replicas, len(keys), err)
	}
	wantEvents(t, b, 1)
}
