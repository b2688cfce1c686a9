package api_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/piercloud/apikeys/pkg/await"
	"github.com/piercloud/apikeys/pkg/operator"
)

func credentials(email, password string) map[string]string {
	return map[string]string{"email": email, "password": password}
}

func TestSigningInStartsASessionWithANewID(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		c := s.stranger(t)
		a := c.post("/v1/session", credentials("Admin@Example.com ", password)).wants(http.StatusCreated)
		var session struct {
			Operator  struct{ ID, Email, Role string }
			Tenancy   struct{ ID, Name string }
			ExpiresAt time.Time `json:"expires_at"`
		}
		a.decode(&session)
		if session.Operator.Email != "admin@example.com" || session.Operator.Role != "admin" || session.Tenancy.ID != s.tenancy(t) || !session.ExpiresAt.After(s.now()) {
			t.Errorf("got %s", a.body)
		}
		first := a.cookie()
		if !first.HttpOnly || first.SameSite != http.SameSiteLaxMode || first.Secure || first.Path != "/" || len(first.Value) < 32 {
			t.Errorf("got %v", first)
		}
		again := c.get("/v1/session").wants(http.StatusOK)
		if string(again.body) != string(a.body) {
			t.Errorf("got %s, then %s", a.body, again.body)
		}
		second := c.post("/v1/session", credentials("admin@example.com", password)).wants(http.StatusCreated).cookie()
		if second.Value == first.Value {
			t.Error("the session kept its id")
		}
		old := s.stranger(t).with("Cookie", "apikeys_session="+first.Value)
		old.get("/v1/session").refused(http.StatusUnauthorized, "failed")
		planted := s.stranger(t).with("Cookie", "apikeys_session="+s.stranger(t).post("/v1/session", credentials("admin@example.com", password)).cookie().Value+"; apikeys_session="+first.Value)
		planted.get("/v1/session").refused(http.StatusUnauthorized, "failed") // either cookie may be planted
		fixed := s.stranger(t).with("Cookie", "apikeys_session=chosen-by-an-attacker")
		if got := fixed.post("/v1/session", credentials("admin@example.com", password)).wants(http.StatusCreated).cookie(); got.Value == "chosen-by-an-attacker" {
			t.Error("the session's id was chosen by the request")
		}
		fixed.get("/v1/session").refused(http.StatusUnauthorized, "failed")
	})
}

func TestTheDatabaseHoldsNoSessionTokenInPlain(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		token := s.stranger(t).post("/v1/session", credentials("admin@example.com", password)).wants(http.StatusCreated).cookie().Value
		var stored string
		if err := s.database(t).QueryRowContext(t.Context(), "SELECT token FROM session").Scan(&stored); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(stored, token) {
			t.Errorf("the session of %s is stored as %s", token, stored)
		}
		s.stranger(t).with("Cookie", "apikeys_session="+stored).get("/v1/session").refused(http.StatusUnauthorized, "failed")
	})
}

func TestSigningOutEndsTheSession(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		c := s.stranger(t)
		cookie := c.post("/v1/session", credentials("admin@example.com", password)).wants(http.StatusCreated).cookie()
		if got := c.delete("/v1/session").wants(http.StatusNoContent).cookie(); got.Value != "" || got.MaxAge >= 0 {
			t.Errorf("got %v", got)
		}
		c.get("/v1/session").refused(http.StatusUnauthorized, "failed")
		s.stranger(t).with("Cookie", "apikeys_session="+cookie.Value).get("/v1/api-keys").refused(http.StatusUnauthorized, "failed")
		c.delete("/v1/session").wants(http.StatusNoContent)
	})
}

func TestASessionEndsWhenItIsNotUsedOrTooOld(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		idle := s.admin(t)
		s.pass(2*time.Hour + time.Minute)
		idle.get("/v1/session").refused(http.StatusUnauthorized, "failed")
		used := s.admin(t)
		for range 11 {
			s.pass(time.Hour)
			used.get("/v1/session").wants(http.StatusOK)
		}
		s.pass(time.Hour)
		used.get("/v1/session").refused(http.StatusUnauthorized, "failed")
	})
}

func TestANewPasswordEndsEverySession(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		c := s.admin(t)
		if err := s.Operators.ResetPassword(t.Context(), "admin@example.com", password+"!", system); err != nil {
			t.Fatal(err)
		}
		c.get("/v1/session").refused(http.StatusUnauthorized, "failed")
	})
}

func TestAWrongPasswordAndAnUnknownAddressAreAnsweredAlike(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		c := s.stranger(t)
		wrong := c.post("/v1/session", credentials("admin@example.com", "wrong"))
		unknown := c.post("/v1/session", credentials("nobody@example.com", "wrong"))
		wrong.refused(http.StatusUnauthorized, "failed")
		if string(wrong.body) != string(unknown.body) || len(wrong.Cookies()) > 0 {
			t.Errorf("got %s and %s", wrong.body, unknown.body)
		}
		for body, fields := range map[string]string{
			`{}`:                                 "email is required\npassword is required",
			`{"email":"","password":""}`:         "email must not be empty\npassword must not be empty",
			`{"email":1,"password":null}`:        "email must be a string\npassword must not be null",
			`{"email":"a","password":"b\u0000"}`: "password must not contain NUL characters",
			`{"email":"a","password":"` + strings.Repeat("x", 1025) + `"}`: "password must have at most 1024 characters",
			`{"email":"a","password":"b","role":"admin"}`:                  "role is not a known member",
		} {
			if got := c.send("POST", "/v1/session", body).refused(http.StatusBadRequest, badRequest).fields(); got != fields {
				t.Errorf("%s: got %q, want %q", body, got, fields)
			}
		}
	})
}

func TestSigningInIsThrottledPerAccountAndAddress(t *testing.T) {
	s := onOne(t, map[string]string{"APIKEYS_LIMITS": "on"})
	s.operator(t, s.tenancy(t), "editor@example.com", operator.Editor)
	c := s.stranger(t)
	var a answer
	for range 30 {
		if a = c.post("/v1/session", credentials("admin@example.com", "wrong")); a.StatusCode == http.StatusTooManyRequests {
			break
		}
	}
	a.standsAt("10", "0", true).refused(http.StatusTooManyRequests, "rate-limit/exceeded")
	wait, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil || wait < 1 {
		t.Fatalf("Retry-After: %q", a.Header.Get("Retry-After"))
	}
	c.post("/v1/session", credentials("admin@example.com", password)).refused(http.StatusTooManyRequests, "rate-limit/exceeded")
	c.post("/v1/session", credentials("editor@example.com", password)).wants(http.StatusCreated)
	s.pass(time.Duration(wait) * time.Second)
	c.post("/v1/session", credentials("admin@example.com", password)).wants(http.StatusCreated)
}

func TestTheCookieIsSecureWhenTheIssuerIsHTTPS(t *testing.T) {
	s := onOne(t, map[string]string{"APIKEYS_ISSUER": "https://keys.example.com"})
	if cookie := s.stranger(t).post("/v1/session", credentials("admin@example.com", password)).wants(http.StatusCreated).cookie(); !cookie.Secure {
		t.Errorf("got %v", cookie)
	}
}

// TestWhoIsSignedInSeesEverythingWhileNothingCanBeWritten: the use of a session is recorded once a minute, and that can wait.
func TestWhoIsSignedInSeesEverythingWhileNothingCanBeWritten(t *testing.T) {
	s := onOne(t)
	admin := s.admin(t)
	path, _ := strings.CutPrefix(s.Config.DatabaseURL, "sqlite://")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	writer, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if _, err := writer.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	s.pass(2 * time.Minute)
	admin.get("/v1/api-keys").wants(http.StatusOK)
	if _, err := writer.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
}

// TestWhoIsThrownOutWhileSendingARequestIsRefused: a caller must not be able to get authorized and send the rest long afterwards.
func TestWhoIsThrownOutWhileSendingARequestIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		s.operator(t, s.tenancy(t), "eve@example.com", operator.Admin)
		cookie := s.stranger(t).post("/v1/session", credentials("eve@example.com", password)).wants(http.StatusCreated).cookie()
		eve := admin.people()["eve@example.com"].path()

		const body = `{"status":"active"}`
		connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		if err := connection.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, err = fmt.Fprintf(connection, "PATCH %s HTTP/1.1\r\nHost: localhost\r\nCookie: %s=%s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
			eve, cookie.Name, cookie.Value, len(body))
		if err != nil {
			t.Fatal(err)
		}
		answers := bufio.NewReader(connection)
		if line, err := answers.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
			t.Fatalf("got %q, %v", line, err) // the service waits for the body
		}
		if _, err := answers.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		admin.patch(eve, map[string]string{"status": "deactivated"}).wants(http.StatusOK)
		if _, err := io.WriteString(connection, body); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized || admin.people()["eve@example.com"].Status != "deactivated" {
			t.Errorf("got %s, and the operator is %s", response.Status, admin.people()["eve@example.com"].Status)
		}
	})
}

// TestWhoIsThrownOutWhileAChangeWaitsMakesNone: changes wait for the lock on the log's head, which another process holds here.
// PostgreSQL tells which connections wait.
func TestWhoIsThrownOutWhileAChangeWaitsMakesNone(t *testing.T) {
	database := newPostgreSQL(t)
	s := boot(t, database)
	admin := s.admin(t)
	s.operator(t, s.tenancy(t), "eve@example.com", operator.Admin)
	eve := s.as(t, "eve@example.com")
	key := admin.create("Key", "settings.api-keys:editor")
	program := s.program(t, key)
	victim := admin.create("Another")
	token := eve.token(victim.ClientID, victim.ClientSecret)
	connect := func() *pgx.Conn {
		t.Helper()
		connection, err := pgx.Connect(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = connection.Close(context.Background()) }) // the test has ended
		return connection
	}
	other, watcher := connect(), connect() // a transaction keeps seeing the waiters that it saw first
	execute := func(statement string, values ...any) {
		t.Helper()
		if _, err := other.Exec(t.Context(), statement, values...); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		change func() answer
		end    string
		id     string
	}{
		"an operator": {
			func() answer {
				return eve.post("/v1/operators", map[string]string{"email": "x@example.com", "role": "admin"})
			},
			"UPDATE operator SET role = 'readonly' WHERE email = $1", "eve@example.com",
		},
		"an operator that revokes a token": {
			func() answer { return eve.form("/oauth2/revoke", "token", token) },
			"UPDATE operator SET status = 'deactivated' WHERE email = $1", "eve@example.com",
		},
		"a program": {
			func() answer { return program.post(key.path()+"/deactivate", nil) },
			"UPDATE api_key SET generation = generation + 1 WHERE client_id = $1", key.ClientID,
		},
	} {
		execute("BEGIN")
		execute("SELECT seq FROM log_head FOR UPDATE")
		answered := make(chan answer)
		go func() { answered <- test.change() }()
		await.Until(t, time.Minute, "the change waits", func() bool {
			var waiting bool
			err := watcher.QueryRow(t.Context(), "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')").Scan(&waiting)
			return err == nil && waiting
		})
		execute(test.end, test.id)
		execute("COMMIT")
		if a := <-answered; a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: got %d: %s", name, a.StatusCode, a.body)
		}
		execute("UPDATE operator SET role = 'admin', status = 'active'")
	}
	if _, invited := admin.people()["x@example.com"]; invited {
		t.Error("somebody was invited by who had been thrown out")
	}
}
