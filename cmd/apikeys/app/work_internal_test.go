package app

import (
	"database/sql"
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

// TestTheServicePurgesWhatHasOutlivedItsTime: a stored answer holds a client secret, and the snapshot of revocations must stay
// small.
func TestTheServicePurgesWhatHasOutlivedItsTime(t *testing.T) {
	config, err := LoadConfig(map[string]string{
		"APIKEYS_DATABASE_URL": sqlstoretest.SQLite(t), "APIKEYS_MASTER_KEY": base64.StdEncoding.EncodeToString(make([]byte, sealed.KeySize)),
	})
	if err != nil {
		t.Fatal(err)
	}
	var ahead time.Duration // of the machine's clock
	now := func() time.Time { return time.Now().Add(ahead) }
	a, err := New(config, Options{Now: now, Output: io.Discard, Logger: NewLogger(config, io.Discard)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", strings.TrimPrefix(config.DatabaseURL, "sqlite://"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	expect := func(when string, want int) {
		t.Helper()
		for _, table := range []string{"idempotency_answer", "session", "revoked_token"} {
			var rows int
			if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&rows); err != nil || rows != want {
				t.Errorf("%s there are %d rows of %s, %v", when, rows, table, err)
			}
		}
		if listed, _, _ := a.Revoked.Since(0, 10); len(listed) != 2*want {
			t.Errorf("%s the revocations are %v", when, listed)
		}
	}

	system := eventlog.Actor{Kind: eventlog.ActorSystem, ID: "test", Name: "test"}
	caller := apikey.Caller{TenancyID: operator.PlatformTenancyID, Actor: system}
	created, err := a.Keys.Create(t.Context(), caller, apikey.Draft{Name: "program", Scopes: []string{"cca:editor"}, Lifespan: apikey.DefaultLifespan}, "once")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Keys.RevokeTokens(t.Context(), caller, created.Key.ClientID, nil); err != nil {
		t.Fatal(err)
	}
	event := eventlog.Draft{
		At: now(), TenancyID: caller.TenancyID, Action: eventlog.TokenRevoked, Actor: system, Subject: eventlog.Subject{Kind: eventlog.SubjectAPIKey, ID: created.Key.ClientID},
		Revokes: &eventlog.Revocation{ClientID: created.Key.ClientID, TokenID: "token", ExpiresAt: now().Add(time.Hour)},
	}
	if err := a.Store.RevokeToken(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	if err := a.Store.Sessions().CommitCtx(t.Context(), "session", []byte("data"), now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := a.Tailer.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}

	a.purge(t.Context())
	expect("before their time", 1)
	ahead = 48 * time.Hour
	a.purge(t.Context())
	expect("afterwards", 0)
}
