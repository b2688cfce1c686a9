package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/piercloud/apikeys/pkg/await"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
)

func TestStartingServiceTurnsNobodyAway(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, e environment) {
		s := launch(t, e.with("APIKEYS_LISTEN", freeAddress(t)))
		c := stranger(s)
		await.Until(t, startTimeout, "the service answers", func() bool {
			a, err := c.try(http.MethodGet, "/v1/api-keys", nil)
			if err != nil {
				return false // nobody listens yet
			}
			c.want(http.StatusUnauthorized, a)
			return true
		})
	})
}

func TestShutdownFinishesRequestsAndKeepsLastUses(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, e environment) {
		s := start(t, e)
		operator := signIn(s)
		key := operator.create("a program")

		// One half of a token request arrives before the signal, and the other half after it.
		body := "grant_type=client_credentials&client_id=" + key.ClientID + "&client_secret=" + key.ClientSecret
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		head := fmt.Sprintf("POST /oauth2/token HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
			"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", s.address, len(body))
		if _, err := conn.Write([]byte(head)); err != nil {
			t.Fatal(err)
		}
		reader := bufio.NewReader(conn)
		// The service asks for the body, which shows that the request is being served.
		if line, err := reader.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
			t.Fatalf("%q, %v", line, err)
		}
		if _, err := conn.Write([]byte(body[:20])); err != nil {
			t.Fatal(err)
		}

		s.terminate()
		await.Until(t, stopTimeout, "no new connection is accepted", func() bool {
			attempt, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.address)
			if err == nil {
				attempt.Close()
			}
			return err != nil
		})
		if _, err := conn.Write([]byte(body[20:])); err != nil {
			t.Fatal(err)
		}
		if _, err := reader.ReadString('\n'); err != nil { // the end of the interim response
			t.Fatal(err)
		}
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("the request that was being served got %d", response.StatusCode)
		}
		if code := s.exitCode(); code != 0 {
			t.Errorf("exit code %d", code)
		}

		operator = operator.at(start(t, e))
		got := decode[apiKey](t, operator.want(http.StatusOK, operator.get("/v1/api-keys/"+key.ClientID)))
		if got.LastUsedAt == "" || len(got.Secrets) != 1 || got.Secrets[0].LastUsedAt == "" || got.Secrets[0].LastUsedIP != "127.0.0.1" {
			t.Errorf("the last use is lost: %+v", got)
		}
	})
}

// TestAHangUpEndsTheServiceInGoodOrder: closing a terminal sends SIGHUP, and so do programs that rotate logs.
func TestAHangUpEndsTheServiceInGoodOrder(t *testing.T) {
	t.Parallel()
	s := start(t, onSQLite(t))
	if err := s.process.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if code := s.exitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestBadConfigurationEndsWithTheVariablesName(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	secretFile := filepath.Join(folder, "secret")
	if err := os.WriteFile(secretFile, []byte("something\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	for name, c := range map[string]struct {
		variable  string
		e         environment
		arguments []string
	}{
		"address without port":    {"APIKEYS_LISTEN", environment{"APIKEYS_LISTEN": "localhost"}, nil},
		"address in use":          {"APIKEYS_LISTEN", environment{"APIKEYS_LISTEN": taken.Addr().String()}, nil},
		"flag for the address":    {"APIKEYS_LISTEN", nil, []string{"--listen", "nowhere"}},
		"unknown database":        {"APIKEYS_DATABASE_URL", environment{"APIKEYS_DATABASE_URL": "mysql://localhost/keys"}, nil},
		"SQLite without file":     {"APIKEYS_DATABASE_URL", environment{"APIKEYS_DATABASE_URL": "sqlite://"}, nil},
		"issuer with a path":      {"APIKEYS_ISSUER", environment{"APIKEYS_ISSUER": "https://keys.example.test/path"}, nil},
		"issuer without scheme":   {"APIKEYS_ISSUER", environment{"APIKEYS_ISSUER": "keys.example.test"}, nil},
		"short master key":        {"APIKEYS_MASTER_KEY", environment{"APIKEYS_MASTER_KEY": "c2hvcnQ="}, nil},
		"no master key":           {"APIKEYS_MASTER_KEY", environment{"APIKEYS_DATABASE_URL": "postgres://localhost/keys"}, nil},
		"short password":          {"APIKEYS_OPERATOR_PASSWORD", environment{"APIKEYS_OPERATOR_PASSWORD": "short"}, nil},
		"no e-mail address":       {"APIKEYS_OPERATOR_EMAIL", environment{"APIKEYS_OPERATOR_EMAIL": "nobody"}, nil},
		"missing catalogue":       {"APIKEYS_SCOPES_FILE", environment{"APIKEYS_SCOPES_FILE": filepath.Join(folder, "none.yaml")}, nil},
		"malformed catalogue":     {"APIKEYS_SCOPES_FILE", environment{"APIKEYS_SCOPES_FILE": secretFile}, nil},
		"malformed origin":        {"APIKEYS_CORS_ORIGINS", environment{"APIKEYS_CORS_ORIGINS": "console.example.test"}, nil},
		"malformed network":       {"APIKEYS_TRUSTED_PROXIES", environment{"APIKEYS_TRUSTED_PROXIES": "10.0.0.0/64"}, nil},
		"unknown limits":          {"APIKEYS_LIMITS", environment{"APIKEYS_LIMITS": "some"}, nil},
		"unknown level":           {"APIKEYS_LOG_LEVEL", environment{"APIKEYS_LOG_LEVEL": "loud"}, nil},
		"unknown format":          {"APIKEYS_LOG_FORMAT", environment{"APIKEYS_LOG_FORMAT": "xml"}, nil},
		"missing file":            {"APIKEYS_MASTER_KEY_FILE", environment{"APIKEYS_MASTER_KEY_FILE": filepath.Join(folder, "none")}, nil},
		"both value and its file": {"APIKEYS_MASTER_KEY", environment{"APIKEYS_MASTER_KEY": "x", "APIKEYS_MASTER_KEY_FILE": secretFile}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := onSQLite(t)
			for variable, value := range c.e {
				e[variable] = value
			}
			r := run(t, e, append([]string{"serve"}, c.arguments...)...)
			if r.code != 2 || !regexp.MustCompile(`\b`+c.variable+`\b`).MatchString(r.stderr) {
				t.Errorf("code %d, stderr %s, want 2 and %s", r.code, r.stderr, c.variable)
			}
			if strings.Contains(r.stderr, password) {
				t.Error("the message repeats a password")
			}
		})
	}
}

var printedPassword = regexp.MustCompile(`(?m)^ *Password: +(\S+)$`)

func TestGeneratedPasswordIsPrintedOnceAndNeverLogged(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, e environment) {
		delete(e, "APIKEYS_OPERATOR_PASSWORD")
		e["APIKEYS_LOG_LEVEL"] = "debug"
		s := start(t, e)
		found := printedPassword.FindAllStringSubmatch(s.stdout.String(), -1)
		if len(found) != 1 {
			t.Fatalf("the first start printed %d passwords:\n%s", len(found), s.stdout)
		}
		generated := found[0][1]
		c := stranger(s)
		c.want(http.StatusCreated, c.post("/v1/session", credentials{"admin@localhost", generated}))
		s.stop()
		if n := strings.Count(s.stdout.String(), generated); n != 1 {
			t.Errorf("the password is printed %d times", n)
		}
		if strings.Contains(s.stderr.String(), generated) {
			t.Error("the password is in the log")
		}

		again := start(t, e)
		again.stop()
		if output := again.stdout.String() + again.stderr.String(); printedPassword.MatchString(output) || strings.Contains(output, generated) {
			t.Errorf("the second start printed a password:\n%s", output)
		}
	})
}

func TestSecretsComeFromFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	e := environment{
		"APIKEYS_LISTEN":                 "127.0.0.1:0",
		"APIKEYS_DATABASE_URL_FILE":      file("url", pgtest.URL(t)),
		"APIKEYS_MASTER_KEY_FILE":        file("key", sealed.NewMasterKey()),
		"APIKEYS_OPERATOR_PASSWORD_FILE": file("password", password),
	}
	s := start(t, e)
	operator := signIn(s)
	operator.accessToken(operator.create("a program"))
	s.stop()

	// The signing keys can't be opened with another master key, and the service does not make new ones.
	r := run(t, e.with("APIKEYS_MASTER_KEY_FILE", file("other", sealed.NewMasterKey())), "serve")
	if r.code == 0 || !strings.Contains(r.stderr, "master key") {
		t.Errorf("with another master key: code %d, %s", r.code, r.stderr)
	}
	operator = operator.at(start(t, e))
	if kids := operator.keySet(); len(kids) != 1 {
		t.Errorf("%d signing keys are published", len(kids))
	}
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	t.Parallel()
	e := onSQLite(t)
	s := start(t, e)
	signIn(s).create("a program")
	database := strings.TrimPrefix(e["APIKEYS_DATABASE_URL"], "sqlite://")
	for path, want := range map[string]os.FileMode{
		filepath.Dir(database):   0o700,
		database:                 0o600,
		database + "-wal":        0o600,
		database + ".master-key": 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Error(err)
		} else if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, not %o", path, got, want)
		}
	}
}
