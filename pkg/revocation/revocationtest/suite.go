// Package revocationtest verifies that an implementation of revocation.Store fulfils the contract. It owns no database:
// implementations call [Run] with a function that opens a new one.
package revocationtest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/revocation"
)

// Backend is an empty database with one tenancy.
type Backend struct {
	Revocations revocation.Store
	Keys        apikey.Store
	Log         eventlog.Log
	TenancyID   string
}

// Run tests the implementation. open returns a new backend that is closed when the test ends; several parallel tests call it at
// once.
func Run(t *testing.T, open func(t *testing.T) Backend) {
	tests := []struct {
		name  string
		prove func(t *testing.T, b Backend)
	}{
		{"ARevokedTokenIsKnownAndInTheLog", revokedToken},
		{"RevokingATokenAgainChangesNothing", again},
		{"RevokingATokenAtOnceIsOneEvent", atOnce},
		{"PurgeRemovesWhatHasExpired", purge},
		{"OfEachClientTheNewestGenerationCounts", generations},
		{"WhatIsOlderIsLeftOut", age},
		{"OtherEventsRevokeNothing", otherEvents},
		{"ADeletedKeyStaysRevoked", deletion},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.prove(t, open(t))
		})
	}
}

var epoch = time.Date(2030, time.March, 1, 12, 0, 0, 123_456_000, time.UTC)

// always is a time before everything.
var always = epoch.Add(-1000 * time.Hour)

// clientID returns an ID in the form of a client ID.
func clientID(name string) string { return "ak_" + name + strings.Repeat("0", 22-len(name)) }

func token(id string, expires time.Time) eventlog.Revocation {
	return eventlog.Revocation{TokenID: id, ClientID: clientID("tokens"), ExpiresAt: expires}
}

// revokes returns the event of a revocation at a time.
func (b Backend) revokes(at time.Time, r eventlog.Revocation) eventlog.Draft {
	return eventlog.Draft{
		At: at, TenancyID: b.TenancyID, Action: eventlog.TokenRevoked, Revokes: &r,
		Subject: eventlog.Subject{Kind: eventlog.SubjectAPIKey, ID: r.ClientID},
	}
}

func (b Backend) revokeToken(t *testing.T, at time.Time, token eventlog.Revocation) {
	t.Helper()
	if err := b.Revocations.RevokeToken(t.Context(), b.revokes(at, token)); err != nil {
		t.Fatal(err)
	}
}

func (b Backend) wantRevoked(t *testing.T, id string, want bool) {
	t.Helper()
	if got, err := b.Revocations.TokenRevoked(t.Context(), id); err != nil || got != want {
		t.Errorf("token %q revoked: %v, %v; want %v", id, got, err, want)
	}
}

// past returns the revocations since a time, in order.
func (b Backend) past(t *testing.T, since time.Time) revocation.Past {
	t.Helper()
	past, err := b.Revocations.Revocations(t.Context(), since)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(past.Revocations, func(x, y revocation.Revocation) int { return int(x.Seq - y.Seq) })
	return past
}

func (b Backend) wantPast(t *testing.T, since time.Time, want revocation.Past) {
	t.Helper()
	if got := b.past(t, since); got.Seq != want.Seq || fmt.Sprint(got.Revocations) != fmt.Sprint(want.Revocations) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// head returns the newest position of the log.
func (b Backend) head(t *testing.T) int64 {
	t.Helper()
	head, err := b.Log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return head.Seq
}

func revokedToken(t *testing.T, b Backend) {
	before := b.head(t)
	expires := epoch.Add(time.Hour)
	b.wantRevoked(t, "one", false)
	b.revokeToken(t, epoch, token("one", expires))
	b.wantRevoked(t, "one", true)
	b.wantRevoked(t, "ONE", false)
	b.wantRevoked(t, "", false)
	revokes := eventlog.Revocation{ClientID: clientID("tokens"), TokenID: "one", ExpiresAt: expires}
	events, err := b.Log.After(t.Context(), before, 10)
	if err != nil || len(events) != 1 || !reflect.DeepEqual(events[0].Revokes, &revokes) {
		t.Errorf("got %+v, %v; want one event that revokes %+v", events, err, revokes)
	}
	b.wantPast(t, always, revocation.Past{Seq: before + 1, Revocations: []revocation.Revocation{{Seq: before + 1, At: epoch, Revocation: revokes}}})
}

func again(t *testing.T, b Backend) {
	b.revokeToken(t, epoch, token("one", epoch.Add(time.Hour)))
	head := b.head(t)
	b.revokeToken(t, epoch.Add(time.Second), token("one", epoch.Add(2*time.Hour)))
	if got := b.head(t); got != head {
		t.Errorf("the log went from %d to %d", head, got)
	}
	if _, err := eventlog.Verify(t.Context(), b.Log, eventlog.EmptyHead()); err != nil {
		t.Error(err)
	}
}

func atOnce(t *testing.T, b Backend) {
	before := b.head(t)
	const callers = 8
	failures := make(chan error, callers)
	event := b.revokes(epoch, token("one", epoch.Add(time.Hour)))
	for range callers {
		go func() { failures <- b.Revocations.RevokeToken(context.WithoutCancel(t.Context()), event) }()
	}
	for range callers {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
	if got := b.head(t); got != before+1 {
		t.Errorf("the log went from %d to %d, not by one", before, got)
	}
}

func purge(t *testing.T, b Backend) {
	b.revokeToken(t, epoch, token("sooner", epoch.Add(time.Hour)))
	b.revokeToken(t, epoch, token("later", epoch.Add(time.Hour+time.Microsecond)))
	if err := b.Revocations.PurgeRevokedTokens(t.Context(), epoch.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	b.wantRevoked(t, "sooner", true) // it expires exactly then, and only what expired before is removed
	if err := b.Revocations.PurgeRevokedTokens(t.Context(), epoch.Add(time.Hour+time.Microsecond)); err != nil {
		t.Fatal(err)
	}
	b.wantRevoked(t, "sooner", false)
	b.wantRevoked(t, "later", true)
	if got := len(b.past(t, always).Revocations); got != 2 {
		t.Errorf("the log holds %d revocations, want the 2 that it had", got)
	}
}

// newKey stores an active key.
func (b Backend) newKey(t *testing.T, name string) apikey.Key {
	t.Helper()
	k := apikey.Key{
		TenancyID: b.TenancyID, ClientID: clientID(name), Name: name, Lifespan: apikey.DefaultLifespan, Status: apikey.Active,
		Generation: 1, Version: 1, CreatedAt: epoch, UpdatedAt: epoch,
	}
	event := eventlog.Draft{
		At: epoch, TenancyID: b.TenancyID, Action: eventlog.APIKeyCreated,
		Subject: eventlog.Subject{Kind: eventlog.SubjectAPIKey, ID: k.ClientID},
	}
	if err := b.Keys.Create(t.Context(), k, event, nil); err != nil {
		t.Fatal(err)
	}
	return k
}

// raise ends the key's current generation at a time and returns what that revokes.
func (b Backend) raise(t *testing.T, k apikey.Key, at time.Time) revocation.Revocation {
	t.Helper()
	var revokes eventlog.Revocation
	_, err := b.Keys.Update(t.Context(), b.TenancyID, k.ClientID, func(k apikey.Key) (apikey.Key, *eventlog.Draft, error) {
		k.Generation++
		k.Version++
		revokes = eventlog.Revocation{ClientID: k.ClientID, Generation: k.Generation}
		event := b.revokes(at, revokes)
		event.Action = eventlog.APIKeyTokensRevoked
		return k, &event, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return revocation.Revocation{Seq: b.head(t), At: at, Revocation: revokes}
}

func generations(t *testing.T, b Backend) {
	one, two := b.newKey(t, "one"), b.newKey(t, "two")
	b.raise(t, one, epoch)
	second := b.raise(t, two, epoch.Add(time.Second))
	b.raise(t, one, epoch.Add(2*time.Second))
	first := b.raise(t, one, epoch.Add(3*time.Second))
	if first.Generation != 4 {
		t.Fatalf("the generation is %d, want 4", first.Generation)
	}
	b.wantPast(t, always, revocation.Past{Seq: b.head(t), Revocations: []revocation.Revocation{second, first}})
}

func age(t *testing.T, b Backend) {
	one, two := b.newKey(t, "one"), b.newKey(t, "two")
	b.raise(t, one, epoch)
	later := b.raise(t, two, epoch.Add(time.Microsecond))
	b.revokeToken(t, epoch, token("old", epoch.Add(time.Hour)))
	head := b.head(t)
	b.wantPast(t, epoch, revocation.Past{Seq: head, Revocations: []revocation.Revocation{later}})
	b.wantPast(t, epoch.Add(time.Microsecond), revocation.Past{Seq: head})
}

func otherEvents(t *testing.T, b Backend) {
	b.wantPast(t, always, revocation.Past{Seq: b.head(t)})
	b.newKey(t, "one")
	b.wantPast(t, always, revocation.Past{Seq: b.head(t)})
}

func deletion(t *testing.T, b Backend) {
	k := b.newKey(t, "one")
	revokes := eventlog.Revocation{ClientID: k.ClientID, Generation: 2}
	err := b.Keys.Delete(t.Context(), b.TenancyID, k.ClientID, func(apikey.Key) (eventlog.Draft, error) {
		event := b.revokes(epoch, revokes)
		event.Action = eventlog.APIKeyDeleted
		return event, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	head := b.head(t)
	b.wantPast(t, always, revocation.Past{Seq: head, Revocations: []revocation.Revocation{{Seq: head, At: epoch, Revocation: revokes}}})
}
