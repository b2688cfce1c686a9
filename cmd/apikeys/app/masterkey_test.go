package app_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

var operations = eventlog.Actor{Kind: eventlog.ActorSystem, ID: "test", Name: "test"}

// sealing is a service whose database holds every kind of value that is sealed with the master key.
type sealing struct {
	t       *testing.T
	pairs   []string // of its configuration
	draft   apikey.Draft
	created apikey.Created // created with an Idempotency-Key
}

// caller creates the key.
var caller = apikey.Caller{TenancyID: operator.PlatformTenancyID, Actor: eventlog.Actor{Kind: eventlog.ActorOperator, ID: "1", Name: "ana@example.com"}}

func newSealing(t *testing.T, pairs ...string) *sealing {
	t.Helper()
	s := &sealing{t: t, pairs: pairs, draft: apikey.Draft{Name: "key", Scopes: []string{"lighthouse.workspaces:readonly"}, Lifespan: apikey.DefaultLifespan}}
	s.boot(pairs, func(a *app.App) { s.created = s.create(a) })
	return s
}

// boot prepares a service with a configuration and uses it.
func (s *sealing) boot(pairs []string, use func(a *app.App)) {
	s.t.Helper()
	environment := map[string]string{"APIKEYS_OPERATOR_PASSWORD": "correct horse battery staple"}
	for pair := range slices.Chunk(pairs, 2) {
		environment[pair[0]] = pair[1]
	}
	config, err := app.LoadConfig(environment)
	if err != nil {
		s.t.Fatal(err)
	}
	a, err := app.New(config, app.Options{Logger: app.NewLogger(config, s.t.Output())})
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			s.t.Error(err)
		}
	}()
	if err := a.Prepare(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	use(a)
}

func (s *sealing) create(a *app.App) apikey.Created {
	s.t.Helper()
	created, err := a.Keys.Create(s.t.Context(), caller, s.draft, "idempotency-key-1")
	if err != nil {
		s.t.Fatal(err)
	}
	return created
}

// opens fails the test unless a service with the configuration can use everything that is sealed.
func (s *sealing) opens(pairs ...string) {
	s.t.Helper()
	s.boot(pairs, func(a *app.App) {
		if again := s.create(a); again.Secret != s.created.Secret || again.Key.ClientID != s.created.Key.ClientID {
			s.t.Error("the kept answer is not what was answered")
		}
		if keys, err := a.Store.SigningKeys(s.t.Context()); err != nil || len(keys) != 1 {
			s.t.Errorf("there are %d signing keys, %v: another was made", len(keys), err)
		}
	})
}

func (s *sealing) rotate(pairs []string, want app.Resealed) {
	s.t.Helper()
	s.boot(pairs, func(a *app.App) {
		if done, err := a.RotateMasterKey(s.t.Context(), operations); err != nil || done != want {
			s.t.Errorf("it resealed %+v, %v; want %+v", done, err, want)
		}
	})
}

func otherMasterKey() string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{9}, sealed.KeySize))
}

func TestTheMasterKeyIsReplacedWhileReplicasHaveEither(t *testing.T) {
	for name, url := range map[string]func() string{
		"SQLite":     func() string { return sqlstoretest.SQLite(t) },
		"PostgreSQL": func() string { return pgtest.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			database := []string{"APIKEYS_DATABASE_URL", url()}
			with := func(key, previous string) []string {
				pairs := append(slices.Clone(database), "APIKEYS_MASTER_KEY", key)
				if previous != "" {
					pairs = append(pairs, "APIKEYS_MASTER_KEY_PREVIOUS", previous)
				}
				return pairs
			}
			s := newSealing(t, with(masterKey(), "")...)
			first, second := with(masterKey(), otherMasterKey()), with(otherMasterKey(), masterKey())
			s.opens(first...)
			s.opens(second...)
			s.rotate(second, app.Resealed{SigningKeys: 1, Answers: 1})
			s.opens(first...)
			s.rotate(second, app.Resealed{})
			s.opens(with(otherMasterKey(), "")...)
			s.boot(with(otherMasterKey(), ""), func(a *app.App) {
				if _, err := a.RotateMasterKey(t.Context(), operations); !slices.Equal(wrong(err), []string{"APIKEYS_MASTER_KEY_PREVIOUS"}) {
					t.Errorf("without a previous key: %v", err)
				}
				report, err := a.Audit.Verify(t.Context())
				if err != nil || report.Broken != nil {
					t.Errorf("the log: %v, %v", report.Broken, err)
				}
			})
		})
	}
}

// TestAKeyFileIsReplacedWhole tries every state that an interrupted rotation of the file can leave.
func TestAKeyFileIsReplacedWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "apikeys.db")
	pairs := []string{"APIKEYS_DATABASE_URL", "sqlite://" + path}
	file, next := path+".master-key", path+".master-key.next"
	s := newSealing(t, pairs...)
	old := readFile(t, file)
	writeFile(t, file+".draft-1", []byte("cut o"))

	// The next key exists, and nothing is sealed under it.
	writeFile(t, next, []byte(otherMasterKey()))
	s.opens(pairs...)
	// Some values are sealed under it.
	s.boot(pairs, func(a *app.App) {
		box, err := sealed.NewBox(bytes.Repeat([]byte{9}, sealed.KeySize), decodeKey(t, old))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := a.Keys.ResealAnswers(t.Context(), box); err != nil || n != 1 {
			t.Fatalf("%d answers, %v", n, err)
		}
	})
	s.opens(pairs...)
	// Everything is sealed under it.
	s.rotate(pairs, app.Resealed{SigningKeys: 1})
	if _, err := os.Stat(next); !errors.Is(err, fs.ErrNotExist) || !bytes.Equal(readFile(t, file), []byte(otherMasterKey())) {
		t.Errorf("the next key did not take the place of the old one: %v", err)
	}
	writeFile(t, next, []byte(otherMasterKey()))
	writeFile(t, file, old)
	s.opens(pairs...)
	// The command finishes the rotation.
	s.rotate(pairs, app.Resealed{})
	s.opens(pairs...)
	// The next rotation makes yet another key.
	s.rotate(pairs, app.Resealed{SigningKeys: 1, Answers: 1})
	s.opens(pairs...)
	if now := readFile(t, file); bytes.Equal(now, []byte(otherMasterKey())) || bytes.Equal(now, old) {
		t.Error("the key is not a new one")
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
}

func decodeKey(t *testing.T, text []byte) []byte {
	t.Helper()
	key, err := sealed.ParseMasterKey(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAMasterKeyThatIsThereIsNeverOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "apikeys.db")
	writeFile(t, path+".master-key", nil)
	if err := open(t, path); err == nil || !strings.Contains(err.Error(), path+".master-key must be 32 bytes") {
		t.Errorf("an empty file: %v", err)
	}
	if content := readFile(t, path+".master-key"); len(content) > 0 {
		t.Errorf("the file was written: %q", content)
	}
	if left, err := filepath.Glob(path + ".master-key.draft-*"); err != nil || len(left) > 0 {
		t.Errorf("drafts are left: %q, %v", left, err)
	}
}

func TestThePreviousMasterKeyIsChecked(t *testing.T) {
	for name, pairs := range map[string][]string{
		"short": {"APIKEYS_MASTER_KEY", masterKey(), "APIKEYS_MASTER_KEY_PREVIOUS", "short"},
		"alone": {"APIKEYS_MASTER_KEY_PREVIOUS", masterKey()},
	} {
		environment := map[string]string{}
		for pair := range slices.Chunk(pairs, 2) {
			environment[pair[0]] = pair[1]
		}
		if _, err := app.LoadConfig(environment); !slices.Equal(wrong(err), []string{"APIKEYS_MASTER_KEY_PREVIOUS"}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWhatIsSealedIsResealed: a new kind of sealed value must be added to RotateMasterKey and to this list. Values that pkg/oidc
// seals live only in a browser's cookie, for some minutes, and the previous key opens them.
func TestWhatIsSealedIsResealed(t *testing.T) {
	resealed := map[string]string{"pkg/apikey": "ResealAnswers", "pkg/signing": "Reseal"}
	var sealing []string
	root := filepath.Join("..", "..", "..")
	for _, folder := range []string{"api", "cmd", "pkg"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			if pkg, err := filepath.Rel(root, filepath.Dir(path)); err != nil || pkg == "pkg/sealed" || pkg == "pkg/oidc" || slices.Contains(sealing, pkg) {
				return err
			} else if calls(t, path, "Seal") {
				sealing = append(sealing, pkg)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, pkg := range sealing {
		if resealed[pkg] == "" || !calls(t, "masterkey.go", resealed[pkg]) {
			t.Errorf("%s seals something that a new master key does not reach", pkg)
		}
	}
	if len(sealing) != len(resealed) {
		t.Errorf("what seals is %q", sealing)
	}
}

// calls reports whether a file calls a method of this name.
func calls(t *testing.T, path, method string) bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			selector, ok := call.Fun.(*ast.SelectorExpr)
			found = found || ok && selector.Sel.Name == method
		}
		return true
	})
	return found
}
