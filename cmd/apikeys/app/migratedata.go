package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/audit"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/signing"
	"github.com/piercloud/apikeys/pkg/sqlstore"
)

// ErrInUse means that another process uses the SQLite database, or that it can't be reached.
var ErrInUse = errors.New("the database is in use, or can't be reached; stop the service first")

// Migrated is what [App.MigrateData] has done.
type Migrated struct {
	Tables []sqlstore.Moved
	Log    audit.Report // of the new database
}

// MigrateData moves everything from the SQLite database at a URL to the configured PostgreSQL database, which must be empty, and
// verifies the event log there. Meanwhile the source is locked. Its schema is brought up to date, and its data stays as it is.
// progress is as in [sqlstore.Store.MoveTo], and so is the result that comes with an error. Errors: a [ConfigError] if there is
// no source, or if the master key is not the source's; [ErrInUse]; sqlstore.ErrNotEmpty.
func (a *App) MigrateData(ctx context.Context, from string, progress func(table string, rows int64)) (Migrated, error) {
	source, err := sqlstore.Open(sqlstore.Options{
		URL: from, Existing: true, Alone: true, Timeout: aloneTimeout, Logger: a.options.Logger, Now: a.options.Now,
	})
	if errors.Is(err, sqlstore.ErrNoDatabase) {
		return Migrated{}, noSource(from)
	}
	if err != nil {
		return Migrated{}, fmt.Errorf("open the source: %w", err)
	}
	if there, _, err := source.Schema(ctx); err == nil && there == 0 {
		return Migrated{}, errors.Join(noSource(from), source.Close())
	} // any other error comes up again below
	done, err := a.moveFrom(ctx, source, progress)
	return done, errors.Join(err, source.Close())
}

func noSource(url string) error {
	return &ConfigError{"--from", namesNothing(strings.TrimPrefix(url, "sqlite://"))}
}

func (a *App) moveFrom(ctx context.Context, source *sqlstore.Store, progress func(table string, rows int64)) (Migrated, error) {
	err := source.Migrate(ctx)
	if err == nil {
		err = source.Ping(ctx)
	}
	if errors.Is(err, apikey.ErrUnavailable) {
		return Migrated{}, fmt.Errorf("the source: %w: %w", ErrInUse, err)
	}
	if err != nil {
		return Migrated{}, err
	}
	if is, err := source.IsBackup(ctx); err != nil || is {
		return Migrated{}, errors.Join(err, ErrNotInService)
	}
	keys, err := signing.NewKeyring(source, a.box, nil, a.options.Now)
	if err != nil {
		return Migrated{}, err
	}
	if err := keys.Check(ctx); errors.Is(err, sealed.ErrWrongKey) {
		return Migrated{}, &ConfigError{Prefix + "MASTER_KEY", "is not the master key of the source, which may be in a file beside it: " + err.Error()}
	} else if err != nil {
		return Migrated{}, err
	}
	head, err := source.Head(ctx)
	if err != nil {
		return Migrated{}, err
	}
	var done Migrated
	if done.Tables, err = source.MoveTo(ctx, a.Store, progress); err != nil {
		return done, err
	}
	done.Log, err = a.Audit.Verify(ctx)
	switch end := done.Log.Head; {
	case err != nil:
		return done, err
	case done.Log.Broken != nil:
		return done, fmt.Errorf("the event log does not verify after the move: %w", done.Log.Broken)
	case end.Seq != head.Seq || !bytes.Equal(end.Hash, head.Hash):
		return done, fmt.Errorf("the event log ends with another event after the move: %w", eventlog.ErrBroken)
	}
	return done, nil
}
