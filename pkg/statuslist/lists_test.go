package statuslist_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/clocktest"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/signing"
	"github.com/piercloud/apikeys/pkg/sqlstore"
	"github.com/piercloud/apikeys/pkg/statuslist"
	"github.com/piercloud/apikeys/pkg/token"
)

const issuer = "https://keys.example.com"

var errDown = errors.New("down")

// fixture holds status lists, and is the store from which they get the indexes that the test sets. Its clock stands still unless
// the test moves it.
type fixture struct {
	*statuslist.Lists

	mu     sync.Mutex
	now    time.Time
	newest int64
	have   statuslist.Indexes
	err    error
	asked  int // how often the store was asked

	// If answer is not nil, the store sends to entered when it is asked, and answers when answer is closed.
	entered, answer chan struct{}
}

// StatusIndexes implements [statuslist.Store].
func (f *fixture) StatusIndexes(_ context.Context, first, count int64) (statuslist.Indexes, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	if entered, answer := f.entered, f.answer; answer != nil {
		f.mu.Unlock()
		entered <- struct{}{}
		<-answer
		f.mu.Lock()
	}
	held := slices.DeleteFunc(slices.Clone(f.have.Held), func(i int64) bool { return i < first || i >= first+count })
	return statuslist.Indexes{Given: f.have.Given, Held: held}, f.err
}

func (f *fixture) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fixture) position() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.newest
}

func (f *fixture) change(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// timesAsked returns how often the store was asked since the last time.
func (f *fixture) timesAsked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := f.asked
	f.asked = 0
	return asked
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{now: start}
	ring, err := keyring()
	if err != nil {
		t.Fatal(err)
	}
	f.Lists = statuslist.New(f, ring, issuer, f.position, f.clock)
	return f
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// keyring is shared by all tests, because none changes it.
var keyring = sync.OnceValues(func() (*signing.Keyring, error) {
	folder, err := os.MkdirTemp("", "statuslist-test")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }() // it is in the temporary folder anyway
	ctx := context.Background()
	store, err := sqlstore.Open(sqlstore.Options{URL: "sqlite://" + filepath.Join(folder, "apikeys.db"), Timeout: time.Minute})
	if err != nil {
		return nil, err
	}
	box, err := sealed.NewBox(bytes.Repeat([]byte{1}, sealed.KeySize))
	if err != nil {
		return nil, err
	}
	ring, err := signing.NewKeyring(store, box, nil, func() time.Time { return start })
	if err != nil {
		return nil, err
	}
	return ring, errors.Join(store.Migrate(ctx), ring.Load(ctx, eventlog.Service), store.Close())
})

func (f *fixture) current(t *testing.T, number int64) *statuslist.List {
	t.Helper()
	list, err := f.Current(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// says decodes the claims of a list.
func says(t *testing.T, list *statuslist.List) (claims struct {
	Subject string `json:"sub"`
	Issued  int64  `json:"iat"`
	Expires int64  `json:"exp"`
},
) {
	t.Helper()
	parts := strings.Split(list.Token, ".")
	if len(parts) != 3 {
		t.Fatalf("the list has %d parts", len(parts))
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestListIsMadeOnceWhileNothingIsRevoked(t *testing.T) {
	f := newFixture(t)
	f.have.Given = 3
	first := f.current(t, 0)
	f.timesAsked()
	f.change(func() { f.now = f.now.Add(5*time.Minute - 1) })
	if again := f.current(t, 0); again != first || f.timesAsked() != 0 {
		t.Error("the list was made again without need")
	}
	f.change(func() { f.now = f.now.Add(1) })
	later := f.current(t, 0)
	if later == first || later.Tag == first.Tag {
		t.Error("the list is not made again before it expires")
	}
	if s := says(t, first); s.Expires <= f.now.Unix()+int64(statuslist.TTL/time.Second) {
		t.Errorf("a list that is handed out until %v expires at %v, before a verifier must ask again", f.now, time.Unix(s.Expires, 0).UTC())
	}
	if s := says(t, first); s.Expires-s.Issued > int64(6*time.Minute/time.Second) { // for that long, somebody could hold back a newer list
		t.Errorf("the list counts for %d seconds", s.Expires-s.Issued)
	}
}

// TestASleepOfTheMachineMakesListsAndTheirNumberOld: the monotonic clock stands still while the machine sleeps.
func TestASleepOfTheMachineMakesListsAndTheirNumberOld(t *testing.T) {
	f := newFixture(t)
	f.now = time.Now()
	first := f.current(t, 0)
	uris := func() int {
		t.Helper()
		all, err := f.URIs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	before := uris()
	f.change(func() { f.now, f.have.Given = clocktest.Asleep(t, f.now, time.Hour), statuslist.Size })
	if after := uris(); before != 1 || after != 2 {
		t.Errorf("%d lists are known before and %d after", before, after)
	}
	if f.current(t, 0) == first {
		t.Error("the list is that of an hour ago")
	}
}

// TestListIsMadeAgainAfterARevocation: but not more than once per second, however often clients ask for it and tokens are revoked.
func TestListIsMadeAgainAfterARevocation(t *testing.T) {
	f := newFixture(t)
	f.have.Given, f.have.Held = 2, []int64{1, 2}
	before := f.current(t, 0)
	f.timesAsked()
	f.change(func() { f.newest, f.have.Held = 9, []int64{2} })
	f.change(func() { f.now = f.now.Add(statuslist.RemakeInterval - 1) })
	for range 100 {
		if f.current(t, 0) != before {
			t.Fatal("the list was made again too soon")
		}
	}
	if asked := f.timesAsked(); asked != 0 {
		t.Errorf("the store was asked %d times", asked)
	}
	f.change(func() { f.now = f.now.Add(1) })
	if f.current(t, 0) == before {
		t.Error("the list is the old one")
	}
}

// TestRevocationWhileAListIsMadeMakesItOld: the revocation may have come too late to be in the list.
func TestRevocationWhileAListIsMadeMakesItOld(t *testing.T) {
	f := newFixture(t)
	f.have.Given = 2
	if _, err := f.URIs(t.Context()); err != nil { // so that the indexes have been counted
		t.Fatal(err)
	}
	f.entered, f.answer = make(chan struct{}), make(chan struct{})
	made := make(chan *statuslist.List)
	go func() {
		list, err := f.Current(context.WithoutCancel(t.Context()), 0)
		if err != nil {
			t.Error(err)
		}
		made <- list
	}()
	<-f.entered
	f.change(func() { f.newest = 7 })
	close(f.answer)
	list := <-made
	f.change(func() { f.now, f.answer = f.now.Add(statuslist.RemakeInterval), nil })
	if f.current(t, 0) == list {
		t.Error("what was revoked meanwhile is left out for long")
	}
}

// TestManyWhoAskAtOnceCostOneReading: even if some of the callers have gone away.
func TestManyWhoAskAtOnceCostOneReading(t *testing.T) {
	f := newFixture(t)
	const callers = 50
	f.entered, f.answer = make(chan struct{}, 2*callers), make(chan struct{})
	results := make(chan error, callers)
	gone, leave := context.WithCancel(t.Context())
	for i := range callers {
		ctx := t.Context()
		if i%2 == 0 {
			ctx = gone
		}
		go func() {
			_, err := f.Current(ctx, 0)
			results <- err
		}()
	}
	leave()
	close(f.answer)
	for range callers {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if asked := f.timesAsked(); asked > 2 { // once for the number of lists, and once for this list
		t.Errorf("the store was asked %d times", asked)
	}
}

func TestThereAreAsManyListsAsIndexesNeedAndOneMore(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct {
		given int64
		lists int
	}{{0, 1}, {1, 1}, {statuslist.Size - 1, 1}, {statuslist.Size, 2}, {5*statuslist.Size + 1, 6}} {
		f.change(func() { f.have.Given, f.now = test.given, f.now.Add(time.Minute) })
		uris, err := f.URIs(t.Context())
		if err != nil || len(uris) != test.lists {
			t.Errorf("%d indexes: %q, %v; want %d", test.given, uris, err, test.lists)
		}
		for number := range int64(test.lists + 1) {
			if s := says(t, f.current(t, number)); number < int64(test.lists) && s.Subject != uris[number] {
				t.Errorf("list %d is of %q, want %q", number, s.Subject, uris[number])
			}
		}
		f.timesAsked()
		for _, number := range []int64{-1, int64(test.lists) + 1, 1 << 40, -1 << 63, 1<<63 - 1} {
			if _, err := f.Current(t.Context(), number); !errors.Is(err, statuslist.ErrNotFound) {
				t.Errorf("%d indexes, list %d: %v", test.given, number, err)
			}
		}
		if asked := f.timesAsked(); asked != 0 {
			t.Errorf("those who ask for lists that don't exist had the store asked %d times", asked)
		}
	}
}

func TestAnIndexIsAPlaceInItsList(t *testing.T) {
	f := newFixture(t)
	for index, want := range map[int64]token.Status{
		0:                     {}, // not given
		1:                     {ListURI: issuer + "/oauth2/status-lists/0", Index: 1},
		statuslist.Size - 1:   {ListURI: issuer + "/oauth2/status-lists/0", Index: statuslist.Size - 1},
		statuslist.Size:       {ListURI: issuer + "/oauth2/status-lists/1", Index: 0},
		3*statuslist.Size + 5: {ListURI: issuer + "/oauth2/status-lists/3", Index: 5},
	} {
		if got := f.Status(index); got != want {
			t.Errorf("index %d is at %+v, want %+v", index, got, want)
		}
	}
}

func TestFailureOfTheStoreIsNotKept(t *testing.T) {
	f := newFixture(t)
	f.err = errDown
	for _, number := range []int64{0, 7} {
		if _, err := f.Current(t.Context(), number); !errors.Is(err, errDown) {
			t.Errorf("list %d: the error is %v", number, err)
		}
	}
	if _, err := f.URIs(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("the error is %v", err)
	}
	f.err = nil
	if _, err := f.URIs(t.Context()); err != nil { // counts the indexes, so that only the list is missing
		t.Fatal(err)
	}
	f.err = errDown
	if list, err := f.Current(t.Context(), 0); !errors.Is(err, errDown) || list != nil {
		t.Errorf("of a store that fails after the indexes were counted there is %+v, %v", list, err)
	}
	f.err = nil
	f.current(t, 0)
}
