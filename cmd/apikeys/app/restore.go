package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/sqlstore"
)

// timelineInterval is how often a process checks whether the database was restored while it was running.
const timelineInterval = time.Second

// Errors of a database that was restored from a backup.
var (
	// ErrNotInService says that the database is a backup that was put in place without apikeys restore.
	ErrNotInService = errors.New("the database is a backup, which does not know what was revoked since; put it into service with: apikeys restore")
	// ErrRestored says that the database is not the one that this process has read.
	ErrRestored = errors.New("the database was restored from a backup, or lost its newest changes, while the service was running; start the service again")
)

// PlaceBackup puts a backup in the place of the configured SQLite database, after restore has worked on it. It gives restore the
// configuration of a copy beside that place. Nothing may be in the place before, and nothing is there afterwards if anything
// fails. Errors: a [ConfigError] if the database is not SQLite or its master key is missing; those of restore.
func (c Config) PlaceBackup(ctx context.Context, backup string, restore func(Config) error) error {
	path, ok := c.sqlitePath()
	if !ok {
		return &ConfigError{Prefix + "DATABASE_URL", "is not SQLite; restore with pg_restore, then run apikeys restore without a file"}
	}
	if c.MasterKey == "" { // the key file is beside the place, not beside the copy
		if err := c.readMasterKeys(); err != nil {
			return &ConfigError{Prefix + "MASTER_KEY", "must be the one of the backup, or its file must exist: " + err.Error()}
		}
	}
	return sqlstore.PlaceBackup(ctx, backup, path, func(draft string) error {
		c.DatabaseURL = "sqlite://" + draft
		return restore(c)
	})
}

// readMasterKeys configures the keys in the files beside the database. The second file is left by a rotation that was
// interrupted.
func (c *Config) readMasterKeys() error {
	file := c.masterKeyFile()
	key, err := os.ReadFile(string(file))
	if err != nil {
		return err
	}
	next, err := os.ReadFile(string(file.next()))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c.MasterKey, c.MasterKeyPrevious = string(key), string(next)
	return nil
}

// Restore puts a database that was restored from a backup into service. The database does not know what was issued, revoked or
// changed after the backup, so everything that was issued ends: all tokens, sessions and one-time links. Followers of the
// revocation feed start over. Errors: a [ConfigError] if the master key is not the database's; those of the store.
func (a *App) Restore(ctx context.Context, actor eventlog.Actor) error {
	if err := a.Keyring.Check(ctx); errors.Is(err, sealed.ErrWrongKey) {
		return &ConfigError{Prefix + "MASTER_KEY", "is not the master key of this database: " + err.Error()}
	} else if err != nil {
		return err
	}
	fresh, err := a.Keyring.Generate()
	if err != nil {
		return err
	}
	head, err := a.Store.Head(ctx)
	if err != nil {
		return err
	}
	now := fresh.NotBefore
	event, err := eventlog.Draft{
		At: now, Action: eventlog.LogRestored, Actor: actor, Subject: eventlog.Subject{Kind: eventlog.SubjectLog},
	}.Telling(nil, eventlog.State{"last_event": head.Seq, "signing_key": fresh.KID})
	if err != nil {
		return err
	}
	return a.Store.Restored(ctx, now, fresh, event)
}

// refuseBackup returns [ErrNotInService] if the database is a backup that was not put into service.
func (a *App) refuseBackup(ctx context.Context) error {
	switch is, err := a.Store.IsBackup(ctx); {
	case err != nil:
		return fmt.Errorf("check whether the database is a backup: %w", err)
	case is:
		return ErrNotInService
	default:
		return nil
	}
}

// watchTimeline returns [ErrRestored] when the log is shorter than what this process has read of it, has another event at the end
// of that, or its feed has another base. Then nothing in memory holds any longer. If the log is longer, [eventlog.Tailer] notices
// that it does not continue what was read. A check that fails is logged and repeated. watchTimeline returns nil when ctx ends.
func (a *App) watchTimeline(ctx context.Context) error {
	ticker := time.NewTicker(timelineInterval)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if !a.prepared.Load() {
			continue
		}
		read := a.Tailer.Read() // before asking the log, which only grows
		head, base, err := a.Store.Timeline(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !failing:
			a.options.Logger.WarnContext(ctx, "the end of the event log can't be read; a restored database would go unnoticed", "error", err)
		case err != nil:
		case head.Seq < read.Seq, head.Seq == read.Seq && !bytes.Equal(head.Hash, read.Hash), base != a.Revoked.Base():
			return ErrRestored
		}
		failing = err != nil
	}
}
