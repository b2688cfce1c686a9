package sqlstore

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/revocation"
	"github.com/piercloud/apikeys/pkg/signing"
)

func restoringEndsWhatLetsIn(t *testing.T, open func(t testing.TB, o Options) *Store) {
	s := open(t, Options{Timeout: patience, Now: func() time.Time { return epoch }})
	o := operator.Operator{
		ID: uuid.NewString(), TenancyID: newTenancy(t, s), Email: "ana@example.com", Role: operator.Admin, Status: operator.Active,
		Link: operator.Link{Digest: [32]byte{1}, ExpiresAt: epoch.Add(time.Hour)}, SessionGeneration: 7, CreatedAt: epoch, UpdatedAt: epoch,
	}
	invited := eventlog.Draft{At: epoch, TenancyID: o.TenancyID, Action: eventlog.OperatorInvited, Subject: eventlog.Subject{Kind: eventlog.SubjectOperator, ID: o.ID}}
	if err := s.CreateOperator(t.Context(), o, invited); err != nil {
		t.Fatal(err)
	}
	if err := s.Sessions().CommitCtx(t.Context(), "token", []byte{1}, epoch.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	record := signing.Record{KID: "fresh", Algorithm: signing.Algorithm, Private: []byte{1}, CreatedAt: epoch, NotBefore: epoch}
	event := eventlog.Draft{At: epoch, Action: eventlog.LogRestored, Subject: eventlog.Subject{Kind: eventlog.SubjectLog}}
	if err := s.Restored(t.Context(), epoch, record, event); err != nil {
		t.Fatal(err)
	}
	if _, found, err := s.Sessions().FindCtx(t.Context(), "token"); found || err != nil {
		t.Errorf("a session of before: %t, %v", found, err)
	}
	restored, err := s.OperatorByID(t.Context(), o.ID)
	if err != nil || restored.Link != (operator.Link{}) || restored.SessionGeneration <= o.SessionGeneration {
		t.Errorf("the operator is %+v, %v", restored, err)
	}
	first, err := s.Revocations(t.Context(), epoch)
	if err != nil || first.FeedBase < epoch.UnixMicro() {
		t.Errorf("the feed begins at %d, %v", first.FeedBase, err)
	}
	record.KID = "fresher" // restored once more, with the same time
	if err := s.Restored(t.Context(), epoch, record, event); err != nil {
		t.Fatal(err)
	}
	again, err := s.Revocations(t.Context(), epoch)
	if err != nil || again.FeedBase <= first.FeedBase+first.Seq {
		t.Errorf("the feed begins at %d again, after %d and %d events, %v", again.FeedBase, first.FeedBase, first.Seq, err)
	}
}

func revokedSigningKeysAreTold(t *testing.T, open func(t testing.TB, o Options) *Store) {
	s := open(t, Options{Timeout: patience})
	for kid, at := range map[string]time.Time{"revoked": epoch, "long ago": epoch.Add(-2 * revocation.Horizon)} {
		event := eventlog.Draft{At: at, Action: eventlog.SigningKeyRevoked, Subject: eventlog.Subject{Kind: eventlog.SubjectSigningKey, ID: kid}}
		if err := s.RecordEvent(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	past, err := s.Revocations(t.Context(), epoch.Add(-revocation.Horizon))
	told := slices.ContainsFunc(past.Revocations, func(r revocation.Revocation) bool { return r.KID == "revoked" && r.At.Equal(epoch) })
	if err != nil || len(past.Revocations) != 1 || !told {
		t.Errorf("got %+v, %v", past.Revocations, err)
	}
}
