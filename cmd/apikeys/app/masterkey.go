package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/sealed"
)

// box returns what seals under the master key, and opens what is sealed under it or under the key before or after it.
func (c Config) box() (*sealed.Box, error) {
	if c.MasterKey != "" {
		key, err := sealed.ParseMasterKey(c.MasterKey)
		if err != nil {
			return nil, err
		}
		if c.MasterKeyPrevious == "" {
			return sealed.NewBox(key)
		}
		previous, err := sealed.ParseMasterKey(c.MasterKeyPrevious)
		if err != nil {
			return nil, err
		}
		return sealed.NewBox(key, previous)
	}
	file := c.masterKeyFile()
	database, _ := c.sqlitePath()
	used := hasContent(database) // asked before the key file is looked for: a new one is made before the database has content
	if used && !exists(string(file)) {
		return nil, fmt.Errorf("it is not set, and the file that held it, %s, is missing, but the database exists; "+
			"put the file back, or set the variable to its content: a new key would decrypt nothing", absolute(string(file)))
	}
	key, err := file.ensure()
	if err != nil {
		return nil, err
	}
	switch next, err := file.next().read(); {
	case err == nil: // a rotation was interrupted
		return sealed.NewBox(key, next)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	default:
		return sealed.NewBox(key)
	}
}

// hasContent reports whether a database was ever written to. When in doubt, it says yes.
func hasContent(path string) bool {
	info, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist) && (err != nil || info.Size() > 0)
}

// masterKeyFile is where the master key is kept when none is configured: beside the SQLite database.
func (c Config) masterKeyFile() keyFile {
	database, _ := c.sqlitePath()
	return keyFile(database + ".master-key")
}

// keyFile is the path of a file with a master key, mode 0600.
type keyFile string

// next is where the new key waits until everything is sealed under it.
func (f keyFile) next() keyFile { return f + ".next" }

// ensure returns the key in the file, which it creates the first time. The file appears whole or not at all. An existing file is
// never overwritten, even if another process has just created it.
func (f keyFile) ensure() ([]byte, error) {
	if _, err := os.Lstat(string(f)); errors.Is(err, fs.ErrNotExist) {
		if err := f.create(); err != nil {
			return nil, fmt.Errorf("create the master key: %w", err)
		}
	}
	return f.read()
}

func (f keyFile) create() error {
	folder := filepath.Dir(string(f))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	draft, err := os.CreateTemp(folder, filepath.Base(string(f))+".draft-") // its mode is 0600
	if err != nil {
		return err
	}
	_, writeErr := draft.WriteString(sealed.NewMasterKey() + "\n")
	err = errors.Join(writeErr, draft.Sync(), draft.Close())
	if err == nil {
		if err = os.Link(draft.Name(), string(f)); errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	return errors.Join(err, os.Remove(draft.Name()), syncFolder(folder))
}

func (f keyFile) read() ([]byte, error) {
	text, err := os.ReadFile(string(f))
	if err != nil {
		return nil, fmt.Errorf("read the master key: %w", err)
	}
	key, err := sealed.ParseMasterKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s %w", f, err)
	}
	return key, nil
}

// succeed puts the next key in place of this one.
func (f keyFile) succeed() error {
	if err := os.Rename(string(f.next()), string(f)); err != nil {
		return fmt.Errorf("replace the master key: %w", err)
	}
	return syncFolder(filepath.Dir(string(f)))
}

// syncFolder makes what was created, renamed or removed in a folder survive a power failure.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Resealed counts what was sealed under the new key.
type Resealed struct{ SigningKeys, Answers int }

// RotateMasterKey seals everything under the configured master key that is sealed under the previous one. On SQLite with a key
// file, it makes a new key, seals everything under it, and then replaces the key file. It may be interrupted at any moment and
// repeated: until it has finished, the service opens what is sealed under either key. Errors: a [ConfigError] if there is no
// previous key; sealed.ErrWrongKey if something is sealed under neither.
func (a *App) RotateMasterKey(ctx context.Context, actor eventlog.Actor) (Resealed, error) {
	if a.Config.MasterKey != "" {
		if a.Config.MasterKeyPrevious == "" {
			return Resealed{}, &ConfigError{Prefix + "MASTER_KEY_PREVIOUS", "must be the master key that is replaced, and " + Prefix + "MASTER_KEY the new one"}
		}
		return a.reseal(ctx, a.box, actor)
	}
	file := a.Config.masterKeyFile()
	next, err := file.next().ensure()
	if err == nil {
		err = giveOwner(string(file.next()), string(file))
	}
	if err != nil {
		return Resealed{}, err
	}
	current, err := file.read()
	if err != nil {
		return Resealed{}, err
	}
	box, err := sealed.NewBox(next, current)
	if err != nil {
		return Resealed{}, err
	}
	done, err := a.reseal(ctx, box, actor)
	if err != nil {
		return done, err
	}
	return done, file.succeed()
}

// reseal goes through everything that is sealed. A test checks that it leaves out nothing that the source code seals.
func (a *App) reseal(ctx context.Context, box *sealed.Box, actor eventlog.Actor) (done Resealed, err error) {
	if done.Answers, err = a.Keys.ResealAnswers(ctx, box); err != nil {
		return done, fmt.Errorf("reseal the idempotency answers: %w", err)
	}
	if done.SigningKeys, err = a.Keyring.Reseal(ctx, box, actor); err != nil {
		return done, fmt.Errorf("reseal the signing keys: %w", err)
	}
	return done, nil
}
