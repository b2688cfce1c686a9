// Package storetest verifies that an implementation of the stores for API keys fulfils the contracts: apikey.Store, usage.Store,
// which advances the last-used marks of the keys, and eventlog.Log, which changes are written to.
//
// It owns no database: implementations call [Run] with a function that opens a new one.
package storetest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/usage"
)

// Backend is a database without keys.
type Backend struct {
	Keys apikey.Store
	Uses usage.Store
	Log  eventlog.Log
	// Home and Other are two existing tenancies.
	Home, Other string
}

// Run tests the implementation. open returns a new backend that is closed when the test ends; several parallel tests call it at
// once.
func Run(t *testing.T, open func(t *testing.T) Backend) {
	tests := []struct {
		name  string
		prove func(t *testing.T, b Backend)
	}{
		{"WhatIsCreatedIsReadBackWhole", createdIsReadBack},
		{"AnotherTenancysKeyIsNotFound", otherTenancy},
		{"NameIsUniqueInTheTenancyWhateverItsCase", nameTaken},
		{"UpdateWritesWhatMayChangeAndNothingElse", updateWrites},
		{"UpdateAddsAndEndsSecretsAndRemovesNone", updateSecrets},
		{"ChangeWithoutEventWritesNothing", noEvent},
		{"ErrorOfAChangeRollsEverythingBack", changeFails},
		{"ChangeMayNotReachTheStoreThroughItsKey", changeKeepsItsCopy},
		{"DeleteTakesTheSecretsWithIt", deleteKey},
		{"AnswerIsKeptWithTheKeyOrNotAtAll", answerIsAtomic},
		{"AnswersAreFoundByCallerAndAge", answersAge},
		{"AnswersAreResealed", answersAreResealed},
		{"CancelledContextIsReportedAsSuch", cancelled},
		{"EachGenerationHasAStatusIndexOfItsOwn", statusIndexes},
		{"NoStatusIndexIsGivenTwiceAtOnce", statusIndexesAtOnce},
		{"ListSearchesPartsOfNames", listSearch},
		{"ListsAndTotalsAreThoseOfTheTenancyAlone", listsOfTenancies},
		{"UsageIsThatOfTheTenancyAlone", usageOfTenancies},
		{"ListFiltersByStatus", listStatus},
		{"ListSortsTheSameWayEverywhere", listSort},
		{"ListPagesShowEveryKeyOnce", listPages},
		{"ListShowsSecrets", listSecrets},
		{"TotalsFollowEveryChange", totalsFollow},
		{"UsesMoveMarksForwardOnly", usesMoveForward},
		{"UsesInALargeBatch", usesLargeBatch},
		{"UsesAndChangesDoNotDisturbEachOther", usesAndChanges},
		{"RecordingAndDeletingDoNotDisturbEachOther", recordingAndDeleting},
		{"SumsFromADayOrAnHourAreThoseOfTheHoursWhateverTheirOrder", sumsFromAnyHour},
		{"WhatDeservesAttentionIsCounted", attention},
		{"EventIsReadBackWhole", eventIsReadBack},
		{"LogIsReadInPieces", logPieces},
		{"ManyWritersLeaveNoGapAndLoseNothing", manyWriters},
		{"LogIsGapFreeChainedAndInCommitOrder", logProperty},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.prove(t, open(t))
		})
	}
}

// epoch is when the tests' keys are created; it has microseconds so that a loss of precision would be noticed.
var epoch = time.Date(2030, time.March, 1, 12, 0, 0, 123_456_000, time.UTC)

// newKey returns an active key of the tenancy with one secret.
func newKey(tenancy, name string) apikey.Key {
	id := uuid.NewString()
	return apikey.Key{
		TenancyID: tenancy, ClientID: "ak_" + id, Name: name, Description: "for " + name,
		Scopes: scope.NewSet("cca:readonly", "lighthouse.workspaces:editor"), Lifespan: apikey.Lifespan{Value: 55, Unit: apikey.Minutes}, RateLimit: 120,
		Status: apikey.Active, Generation: 1, Version: 1, CreatedAt: epoch, CreatedBy: "ann@example.com",
		UpdatedAt: epoch, UpdatedBy: "ann@example.com", Secrets: []apikey.Secret{newSecret(epoch)},
	}
}

func newSecret(created time.Time) apikey.Secret {
	id := uuid.NewString()
	return apikey.Secret{ID: id, Digest: sha256.Sum256([]byte(id)), LastFour: id[:4], CreatedAt: created}
}

// draft returns an event about a key.
func draft(k apikey.Key, action eventlog.Action) eventlog.Draft {
	return eventlog.Draft{
		At: epoch, TenancyID: k.TenancyID, Action: action,
		Actor:   eventlog.Actor{Kind: eventlog.ActorOperator, ID: "1", Name: "ann@example.com"},
		Subject: eventlog.Subject{Kind: eventlog.SubjectAPIKey, ID: k.ClientID},
	}
}

// create stores keys and returns them as they should be read back.
func create(t *testing.T, b Backend, keys ...apikey.Key) []apikey.Key {
	t.Helper()
	for _, k := range keys {
		if err := b.Keys.Create(t.Context(), k, draft(k, eventlog.APIKeyCreated), nil); err != nil {
			t.Fatalf("create %q: %v", k.Name, err)
		}
	}
	return keys
}

// get reads a key.
func get(t *testing.T, b Backend, k apikey.Key) apikey.Key {
	t.Helper()
	got, err := b.Keys.Get(t.Context(), k.TenancyID, k.ClientID)
	if err != nil {
		t.Fatalf("get %q: %v", k.Name, err)
	}
	return got
}

// change updates a key with an event.
func change(t *testing.T, b Backend, k apikey.Key, edit func(*apikey.Key)) apikey.Key {
	t.Helper()
	changed, err := b.Keys.Update(t.Context(), k.TenancyID, k.ClientID, editing(edit))
	if err != nil {
		t.Fatalf("update %q: %v", k.Name, err)
	}
	return changed
}

// editing turns an edit into a change function.
func editing(edit func(*apikey.Key)) func(apikey.Key) (apikey.Key, *eventlog.Draft, error) {
	return func(k apikey.Key) (apikey.Key, *eventlog.Draft, error) {
		edit(&k)
		k.Version++
		event := draft(k, eventlog.APIKeyUpdated)
		event.After = fmt.Appendf(nil, `{"version":%d}`, k.Version)
		return k, &event, nil
	}
}

// same fails the test unless both keys are equal in all fields except StatusIndex, which the store assigns.
func same(t *testing.T, got, want apikey.Key) {
	t.Helper()
	got.StatusIndex = want.StatusIndex
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

// wantFound fails the test unless a lookup finds the client of a key as the key is stored now.
func wantFound(t *testing.T, b Backend, k apikey.Key) {
	t.Helper()
	k = get(t, b, k)
	want := apikey.Client{
		ID: k.ClientID, TenancyID: k.TenancyID, Scopes: k.Scopes, Lifespan: k.Lifespan.Duration(), RateLimit: k.RateLimit,
		Status: k.Status, Generation: k.Generation, StatusIndex: k.StatusIndex,
	}
	for _, s := range k.Secrets {
		want.Secrets = append(want.Secrets, apikey.ClientSecret{ID: s.ID, Digest: s.Digest, ExpiresAt: s.ExpiresAt})
	}
	got, err := b.Keys.Lookup(t.Context(), k.ClientID)
	if err != nil {
		t.Fatalf("lookup: %v", err)
	}
	for _, secrets := range [][]apikey.ClientSecret{got.Secrets, want.Secrets} { // secrets come in any order
		slices.SortFunc(secrets, func(a, b apikey.ClientSecret) int { return cmp.Compare(a.ID, b.ID) })
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("looked up %+v\nwant      %+v", got, want)
	}
}

// events reads the whole log and fails the test unless its chain is intact.
func events(t *testing.T, b Backend) []eventlog.Event {
	t.Helper()
	if _, err := eventlog.Verify(t.Context(), b.Log, eventlog.EmptyHead()); err != nil {
		t.Fatalf("verify the log: %v", err)
	}
	all, err := b.Log.After(t.Context(), 0, 1_000_000)
	if err != nil {
		t.Fatalf("read the log: %v", err)
	}
	return all
}

// headSeq returns the newest sequence number.
func headSeq(t *testing.T, b Backend) int64 {
	t.Helper()
	head, err := b.Log.Head(t.Context())
	if err != nil {
		t.Fatalf("read the log's head: %v", err)
	}
	return head.Seq
}

// list returns one page of the home tenancy's keys.
func list(t *testing.T, b Backend, q apikey.Query) apikey.Page {
	t.Helper()
	q.Page, q.PageSize = cmp.Or(q.Page, 1), cmp.Or(q.PageSize, 100)
	q.SortBy = cmp.Or(q.SortBy, apikey.SortByName)
	page, err := b.Keys.List(t.Context(), b.Home, q)
	if err != nil {
		t.Fatalf("list %+v: %v", q, err)
	}
	return page
}

// wantNames fails the test unless the page holds keys with these names, in this order.
func wantNames(t *testing.T, page apikey.Page, want ...string) {
	t.Helper()
	got := make([]string, len(page.Keys))
	for i, k := range page.Keys {
		got[i] = k.Name
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// parallel runs n goroutines and waits for them; the first error fails the test.
func parallel(t testing.TB, n int, work func(ctx context.Context, i int) error) {
	t.Helper()
	failures := make(chan error, n)
	for i := range n {
		go func() { failures <- work(t.Context(), i) }()
	}
	for range n {
		if err := <-failures; err != nil {
			t.Errorf("goroutine: %v", err)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}
