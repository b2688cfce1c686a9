package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/cmd/apikeys/certtest"
	"github.com/piercloud/apikeys/pkg/oidc/oidctest"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
)

// examine runs the doctor and returns the findings that are not fine, by "verdict check".
func examine(t *testing.T) (found map[string]app.Finding, r result) {
	t.Helper()
	r = run(t, "", "doctor", "--format", "json")
	var findings []app.Finding
	if err := json.Unmarshal([]byte(r.stdout), &findings); err != nil {
		t.Fatalf("%v in %q, %v", err, r.stdout, r.err)
	}
	found = map[string]app.Finding{}
	for _, f := range findings {
		if f.Verdict != app.Fine {
			found[fmt.Sprintf("%s %s", f.Verdict, f.Check)] = f
		}
	}
	return found, r
}

// issuing starts a server that answers with the metadata of an issuer, by default its own, and configures it as the issuer.
func issuing(t *testing.T, issuer string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(nil)
	t.Cleanup(server.Close)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		name := issuer
		if name == "" {
			name = server.URL
		}
		_, _ = fmt.Fprintf(w, `{"issuer": %q}`, name) // the client notices a failure
	})
	t.Setenv("APIKEYS_ISSUER", server.URL)
	return server
}

// healthy returns the path of a database in which the doctor finds nothing wrong.
func healthy(t *testing.T) string {
	t.Helper()
	path := newDatabase(t)
	issuing(t, "")
	run(t, "", "signing-key", "rotate").succeeded(t)
	return path
}

func TestDoctorFindsNothingWrong(t *testing.T) {
	healthy(t)
	if found, r := examine(t); len(found) > 0 || r.err != nil {
		t.Errorf("it finds %+v, %v", found, r.err)
	}
	if r := run(t, "", "doctor").succeeded(t); strings.Count(r.stdout, "\n") != strings.Count(r.stdout, "ok  ") {
		t.Errorf("it prints\n%s", r.stdout)
	}
	run(t, "", "doctor", "--format", "xml").failed(t, 2, "--format")
}

func TestDoctorBeforeTheFirstStartMakesNothing(t *testing.T) {
	path := newDatabase(t)
	remove(t, path)
	remove(t, path+".master-key")
	issuing(t, "")
	if found, r := examine(t); len(found) != 1 || found["warning database"].Check == "" || r.err != nil {
		t.Errorf("it finds %+v, %v", found, r.err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

// findsNoRoom runs the doctor on a database that can't be created because of the given folder.
func findsNoRoom(t *testing.T, folder string) {
	t.Helper()
	elsewhere(t)
	issuing(t, "")
	t.Setenv("APIKEYS_DATABASE_URL", "sqlite://"+filepath.Join(folder, "data", "apikeys.db"))
	found, r := examine(t)
	if f := found["problem database"]; !strings.Contains(f.Detail, folder) || len(found) != 1 || r.code != 1 {
		t.Errorf("it finds %+v, exit code %d", found, r.code)
	}
}

func TestDoctorFindsAFileWhereTheDatabasesFolderIsToBe(t *testing.T) {
	findsNoRoom(t, write(t, filepath.Join(t.TempDir(), "file"), nil))
}

func TestDoctorLeavesADatabaseAsItIs(t *testing.T) {
	path := newDatabase(t)
	issuing(t, "")
	t.Setenv("APIKEYS_MASTER_KEY", sealed.NewMasterKey())
	remove(t, path+".master-key")
	anothers(t, path)
	unchanged(t, path, func() { run(t, "", "doctor").succeeded(t) })
	url := pgtest.URL(t)
	t.Setenv("APIKEYS_DATABASE_URL", url)
	run(t, "", "doctor").succeeded(t)
	numbered(t, url) // fails if the doctor has made the table
}

// TestDoctorWaitsForNoWriter: the doctor is run when something is wrong, while the service may be writing.
func TestDoctorWaitsForNoWriter(t *testing.T) {
	path := healthy(t)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // releases its lock
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	if found, r := examine(t); len(found) > 0 || r.err != nil {
		t.Errorf("it finds %+v, %v", found, r.err)
	}
}

// TestDoctorFindsWhatAStartRefuses, also before there is a database.
func TestDoctorFindsWhatAStartRefuses(t *testing.T) {
	for variable, value := range map[string]string{
		"APIKEYS_DATABASE_URL":        "sqlite://data/apikeys.db?mode=memory",
		"APIKEYS_OPERATOR_EMAIL":      "nobody",
		"APIKEYS_SCOPES_FILE":         write(t, filepath.Join(t.TempDir(), "scopes.yaml"), []byte("products: []")),
		"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318",
	} {
		for name, database := range map[string]func(t *testing.T) string{"before": elsewhere, "after": healthy} {
			t.Run(variable+" "+name+" the first start", func(t *testing.T) {
				database(t)
				issuing(t, "")
				t.Setenv(variable, value)
				found, r := examine(t)
				if f := found["problem configuration"]; !strings.HasPrefix(f.Detail, variable+" ") || strings.Count(r.stdout, variable+" ") != 1 || r.code != 1 {
					t.Errorf("it finds %+v, exit code %d", found, r.code)
				}
				run(t, "", "serve", "--listen=127.0.0.1:0").failed(t, 2, variable+" ")
			})
		}
	}
}

func TestDoctorNamesWhatIsBroken(t *testing.T) {
	secret := sealed.NewMasterKey()
	file := func(t *testing.T, content string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := map[string]struct {
		harm  func(t *testing.T, path string)
		finds string
		code  int
	}{
		"a variable": {func(t *testing.T, _ string) { t.Setenv("APIKEYS_LOG_LEVEL", "loud") }, "problem configuration", 1},
		"no server": {func(t *testing.T, _ string) {
			server := url.URL{Scheme: "postgres", User: url.UserPassword("u", secret[:9]), Host: "127.0.0.1:1", Path: "x"}
			t.Setenv("APIKEYS_DATABASE_URL", server.String())
			t.Setenv("APIKEYS_MASTER_KEY", secret)
		}, "problem database", 1},
		"another key":             {func(t *testing.T, _ string) { t.Setenv("APIKEYS_MASTER_KEY", secret) }, "problem master key", 1},
		"no key":                  {func(t *testing.T, path string) { remove(t, path+".master-key") }, "problem master key", 1},
		"a damaged key":           {func(t *testing.T, path string) { write(t, path+".master-key", []byte("x")) }, "problem master key", 1},
		"a cut rotation":          {func(t *testing.T, path string) { write(t, path+".master-key.next", []byte(secret)) }, "warning master key", 0},
		"open files":              {func(t *testing.T, path string) { chmod(t, path, 0o644) }, "problem files", 1},
		"an open key":             {func(t *testing.T, path string) { chmod(t, path+".master-key", 0o640) }, "problem files", 1},
		"a key for all to change": {func(t *testing.T, path string) { keyFrom(t, path, 0o666) }, "problem files", 1},
		"a key for all to read":   {func(t *testing.T, path string) { keyFrom(t, path, 0o444) }, "warning files", 0},
		"a certificate's key for all to read": {func(t *testing.T, _ string) {
			certify(t, certtest.Certificate{Address: "127.0.0.1", Ends: time.Now().Add(365 * 24 * time.Hour)})
			chmod(t, os.Getenv("APIKEYS_TLS_KEY_FILE"), 0o644)
		}, "warning files", 0},
		"a key for all to read, with PostgreSQL": {func(t *testing.T, path string) {
			keyFrom(t, path, 0o444)
			t.Setenv("APIKEYS_DATABASE_URL", pgtest.URL(t))
		}, "warning files", 0},
		"another issuer":  {func(t *testing.T, _ string) { issuing(t, "https://other.example.com") }, "problem issuer", 1},
		"a silent issuer": {func(t *testing.T, _ string) { t.Setenv("APIKEYS_ISSUER", "http://127.0.0.1:1") }, "warning issuer", 0},
		"all proxies":     {func(t *testing.T, _ string) { t.Setenv("APIKEYS_TRUSTED_PROXIES", "0.0.0.0/0") }, "problem proxies", 1},
		"no proxies":      {func(t *testing.T, _ string) { t.Setenv("APIKEYS_ISSUER", "https://127.0.0.1:1") }, "warning proxies", 0},
		"no certificate": {func(t *testing.T, _ string) {
			t.Setenv("APIKEYS_TLS_CERT_FILE", file(t, "none"))
			t.Setenv("APIKEYS_TLS_KEY_FILE", file(t, "none"))
		}, "problem TLS certificate", 1},
		"a certificate that has expired": {func(t *testing.T, _ string) {
			certify(t, certtest.Certificate{Address: "127.0.0.1", Ends: time.Now().Add(-time.Hour)})
		}, "problem TLS certificate", 1},
		"a certificate of tomorrow": {func(t *testing.T, _ string) {
			certify(t, certtest.Certificate{Address: "127.0.0.1", Begins: time.Now().AddDate(0, 0, 1), Ends: time.Now().AddDate(1, 0, 0)})
		}, "problem TLS certificate", 1},
		"a certificate that expires soon": {func(t *testing.T, _ string) {
			certify(t, certtest.Certificate{Address: "127.0.0.1", Ends: time.Now().Add(29 * 24 * time.Hour)})
		}, "warning TLS certificate", 0},
		"a certificate for another host": {func(t *testing.T, _ string) {
			certify(t, certtest.Certificate{Address: "192.0.2.1", Ends: time.Now().Add(365 * 24 * time.Hour)})
		}, "warning TLS certificate", 0},
		"no provider": {func(t *testing.T, _ string) { signOnBy(t, "http://127.0.0.1:1", secret[:9]) }, "problem OpenID Connect", 1},
		"another provider": {func(t *testing.T, _ string) {
			provider := oidctest.Start(t, oidctest.Client{ID: "console"})
			signOnBy(t, provider.Issuer()+"/", secret[:9])
		}, "problem OpenID Connect", 1},
		"a newer schema": {func(t *testing.T, path string) {
			tamper(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
		}, "warning database", 0},
		"a changed log under a newer schema": {func(t *testing.T, path string) {
			tamper(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
			tamper(t, path, "UPDATE event SET actor_name = 'x'")
		}, "problem event log", 1},
		"an older schema": {func(t *testing.T, path string) { tamper(t, path, "DELETE FROM goose_db_version WHERE version_id > 7") }, "warning database", 0},
		"a changed log":   {func(t *testing.T, path string) { tamper(t, path, "UPDATE event SET actor_name = 'x'") }, "problem event log", 1},
		"an old key":      {func(t *testing.T, path string) { tamper(t, path, "UPDATE signing_key SET not_before = 1") }, "warning signing keys", 0},
		"a key that waits for years": {func(t *testing.T, path string) {
			run(t, "", "signing-key", "rotate").succeeded(t)
			tamper(t, path, "UPDATE signing_key SET not_before = not_before + 86400000000 * 400 WHERE retire_at IS NULL")
		}, "problem signing keys", 1},
		"a first key of the future": {func(t *testing.T, path string) {
			tamper(t, path, "UPDATE signing_key SET not_before = not_before + 86400000000 * 400")
		}, "problem signing keys", 1},
		"a backup": {func(t *testing.T, path string) { tamper(t, path, "PRAGMA user_version = 1") }, "problem backup", 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.harm(t, healthy(t))
			found, r := examine(t)
			f, ok := found[test.finds]
			if !ok || f.Detail == "" || r.code != test.code {
				t.Errorf("it finds %+v, exit code %d; want %s and %d", found, r.code, test.finds, test.code)
			}
			if strings.Contains(r.stdout+r.stderr, secret[:9]) {
				t.Errorf("it tells a secret: %s", r.stdout)
			}
		})
	}
}

// TestDoctorFindsNothingWrongWithKeysAfterItsAdvice: after a rotation, a key whose time is far ahead no longer counts as one that
// will sign, and neither does a revoked one.
func TestDoctorFindsNothingWrongWithKeysAfterItsAdvice(t *testing.T) {
	path := healthy(t)
	run(t, "", "signing-key", "rotate").succeeded(t)
	tamper(t, path, "UPDATE signing_key SET not_before = not_before + 86400000000 * 400 WHERE retire_at IS NULL")
	run(t, "", "signing-key", "rotate").succeeded(t)
	if found, r := examine(t); len(found) > 0 {
		t.Errorf("it finds %+v, %v", found, r.err)
	}
	last := strings.Split(strings.TrimSpace(run(t, "", "signing-key", "list").succeeded(t).stdout), "\n")[2]
	run(t, "", "signing-key", "revoke", strings.Fields(last)[0]).succeeded(t)
	if found, r := examine(t); len(found) > 0 {
		t.Errorf("it finds %+v, %v", found, r.err)
	}
}

func TestDoctorNamesTheFilesThatItFindsPrivate(t *testing.T) {
	path := healthy(t)
	keyFrom(t, path, 0o640)
	found, r := examine(t)
	if file := os.Getenv("APIKEYS_MASTER_KEY_FILE"); len(found) > 0 || !strings.Contains(r.stdout, "only owner and group can use "+file) || !strings.Contains(r.stdout, "only its owner can use "+path) {
		t.Errorf("it prints %s", r.stdout)
	}
}

func TestDoctorNamesVariablesThatNobodyReads(t *testing.T) {
	for name, remedy := range map[string]string{
		"APIKEYS_TRUSTED_PROXY": "APIKEYS_TRUSTED_PROXIES", "APIKEYS_ISSUER_FILE": "APIKEYS_ISSUER", "APIKEYS_MASTERKEY": "APIKEYS_MASTER_KEY",
		"APIKEYS_MASTER_KEY_FILES": "APIKEYS_MASTER_KEY_FILE", "APIKEYS_LOGLEVEL": "APIKEYS_LOG_LEVEL", "APIKEYS_COLOUR": "README.md", "APIKEYS_X": "README.md",
		"APIKEYS_SERVICE_HOST": "", "APIKEYS_PORT_8080_TCP_ADDR": "", "LISTEN": "", // not meant for the service
	} {
		t.Run(name, func(t *testing.T) {
			healthy(t)
			t.Setenv(name, "secret value")
			found, r := examine(t)
			f := found["warning configuration"]
			if named := strings.HasPrefix(f.Detail, name+" "); r.err != nil || named != (remedy != "") || named && !slices.Contains(strings.Fields(f.Remedy), remedy) {
				t.Errorf("it finds %+v, %v", found, r.err)
			}
			if strings.Contains(r.stdout, "secret value") {
				t.Errorf("it tells the value: %s", r.stdout)
			}
		})
	}
	t.Run("beside what is wrong", func(t *testing.T) {
		healthy(t)
		t.Setenv("APIKEYS_LOGLEVEL", "debug")
		t.Setenv("APIKEYS_LOG_LEVEL", "loud")
		if found, _ := examine(t); found["warning configuration"].Detail == "" || found["problem configuration"].Detail == "" {
			t.Errorf("it finds %+v", found)
		}
	})
}

func TestDoctorFindsTheCertificateAndTheProviderFine(t *testing.T) {
	healthy(t)
	certify(t, certtest.Certificate{Address: "127.0.0.1", Ends: time.Now().Add(365 * 24 * time.Hour)})
	signOnBy(t, oidctest.Start(t, oidctest.Client{ID: "console"}).Issuer(), "")
	if found, r := examine(t); len(found) > 0 || r.err != nil {
		t.Errorf("it finds %+v, %v", found, r.err)
	}
	if r := run(t, "", "doctor").succeeded(t); !strings.Contains(r.stdout, "TLS certificate") || !strings.Contains(r.stdout, "/v1/session/oidc/callback") {
		t.Errorf("it prints\n%s", r.stdout)
	}
}

// signOnBy configures a provider.
func signOnBy(t *testing.T, issuer, clientSecret string) {
	t.Helper()
	t.Setenv("APIKEYS_OIDC_ISSUER", issuer)
	t.Setenv("APIKEYS_OIDC_CLIENT_ID", "console")
	t.Setenv("APIKEYS_OIDC_CLIENT_SECRET", clientSecret)
	t.Setenv("APIKEYS_OIDC_ROLES", "readonly=*")
}

// keyFrom moves a database's master key to a file with a mode and configures that.
func keyFrom(t *testing.T, database string, mode os.FileMode) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "master-key")
	if err := os.Rename(database+".master-key", file); err != nil {
		t.Fatal(err)
	}
	chmod(t, file, mode)
	t.Setenv("APIKEYS_MASTER_KEY_FILE", file)
}

// certify configures a certificate.
func certify(t *testing.T, c certtest.Certificate) {
	t.Helper()
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	c.Write(t, certFile, keyFile)
	t.Setenv("APIKEYS_TLS_CERT_FILE", certFile)
	t.Setenv("APIKEYS_TLS_KEY_FILE", keyFile)
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}
