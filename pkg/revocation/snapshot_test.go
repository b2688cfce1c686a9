package revocation_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/clocktest"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/revocation"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/signing"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

func keyring(t *testing.T) *signing.Keyring {
	t.Helper()
	box, err := sealed.NewBox(bytes.Repeat([]byte{1}, sealed.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := signing.NewKeyring(sqlstoretest.Open(t, sqlstoretest.SQLite(t)), box, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Load(t.Context(), eventlog.Service); err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestASnapshotIsMadeOnceWhileNothingIsRevokedAndIsNeverOld(t *testing.T) {
	l := &log{now: time.Now()}
	set := revocation.NewSet(l, l.clock)
	snapshots := revocation.NewSnapshots(set, keyring(t), "https://keys.example.com", l.clock)
	current := func() *revocation.Snapshot {
		t.Helper()
		s, err := snapshots.Current()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := current()
	l.now = l.now.Add(9 * time.Minute)
	if current() != first {
		t.Error("it is made again without need")
	}
	l.now = l.now.Add(time.Minute)
	second := current()
	if second == first || second.Tag == first.Tag {
		t.Error("it is ten minutes old")
	}
	l.now = clocktest.Asleep(t, l.now, time.Hour)
	third := current()
	if third == second {
		t.Error("it is an hour old, since the machine slept")
	}
	set.Apply(l.generation("ak_1", 2))
	if current() == third {
		t.Error("it lacks what was revoked")
	}
}
