package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/sqlstore"
)

// ErrNotInService says that the database is a backup that was put in place without apikeys restore.
var ErrNotInService = errors.New("the database is a backup, which does not know what was revoked since; put it into service with: apikeys restore")

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
