package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/revocation"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/signing"
)

// signingKeys is a store of signing keys in memory.
type signingKeys []signing.Record

func (s *signingKeys) SigningKeys(context.Context) ([]signing.Record, error) { return *s, nil }

func (s *signingKeys) ChangeSigningKeys(_ context.Context, change func([]signing.Record) (*signing.Change, error)) error {
	c, err := change(*s)
	if err == nil && c != nil && c.Add != nil {
		*s = append(*s, *c.Add)
	}
	return err
}

// TestASnapshotThatIsKeptSaysHowOldItIs: a response that lacks a revocation has an Age header, whether it sends the snapshot or
// says that the follower's is unchanged.
func TestASnapshotThatIsKeptSaysHowOldItIs(t *testing.T) {
	now := time.Now().Truncate(time.Hour)
	clock := func() time.Time { return now }
	box, err := sealed.NewBox(bytes.Repeat([]byte{1}, sealed.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	keyring, err := signing.NewKeyring(&signingKeys{}, box, nil, clock)
	if err != nil {
		t.Fatal(err)
	}
	if err := keyring.Load(t.Context(), eventlog.Service); err != nil {
		t.Fatal(err)
	}
	set := revocation.NewSet(nil, clock)
	var seq int64
	revoke := func() {
		seq++
		revoked := eventlog.Revocation{ClientID: fmt.Sprint("ak_", seq), Generation: 2}
		set.Apply(eventlog.Event{Seq: seq, Draft: eventlog.Draft{At: now, Revokes: &revoked}})
	}
	for range 1000 { // a snapshot of them is kept for 5 ms
		revoke()
	}
	e := echo.New()
	revocationRoutes{
		set: set, snapshots: revocation.NewSnapshots(set, keyring, "https://keys.example.com", clock), fresh: always,
		listeners: newPlaces[netip.Addr](listenersMax, listenersMaxFor),
	}.register(e)

	fresh := ask(e, "GET", revocationsPath)
	known := []string{"If-None-Match", fresh.Header().Get("ETag")}
	now = now.Add(4 * time.Millisecond)
	unchanged := ask(e, "GET", revocationsPath, known...)
	revoke()
	kept, keptKnown := ask(e, "GET", revocationsPath), ask(e, "GET", revocationsPath, known...)
	now = now.Add(2 * time.Millisecond)
	remade := ask(e, "GET", revocationsPath)
	for _, test := range []struct {
		name   string
		status int
		age    string
		got    *httptest.ResponseRecorder
	}{
		{"a new one", http.StatusOK, "", fresh},
		{"one that lacks nothing", http.StatusNotModified, "", unchanged},
		{"one that lacks something", http.StatusOK, "1", kept},
		{"one that lacks something and is known", http.StatusNotModified, "1", keptKnown},
		{"one that was made again", http.StatusOK, "", remade},
	} {
		if age := test.got.Header().Get("Age"); test.got.Code != test.status || age != test.age {
			t.Errorf("%s: %d, of the age %q", test.name, test.got.Code, age)
		}
	}
}
