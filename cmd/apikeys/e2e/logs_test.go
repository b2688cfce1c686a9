package e2e

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestLogsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"json", "text"} {
		t.Run(format, func(t *testing.T) {
			onBothDatabases(t, func(t *testing.T, e environment) {
				s := start(t, e.with("APIKEYS_LOG_LEVEL", "debug", "APIKEYS_LOG_FORMAT", format))
				secrets := session(s)
				s.stop()
				output := s.stdout.String() + s.stderr.String()
				if !strings.Contains(output, "/v1/api-keys/:client_id/rotate-secret") || !strings.Contains(output, "INSERT INTO") {
					t.Fatalf("this is not the log of the session:\n%s", lastPart(output))
				}
				if key := e["APIKEYS_MASTER_KEY"]; key != "" {
					secrets["master key"] = key
				}
				for name, secret := range secrets {
					if secret == "" {
						t.Errorf("there is no %s", name)
					}
					for _, form := range []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))} {
						if at := strings.Index(output, form); at >= 0 {
							t.Errorf("the %s is in the log: %s", name, output[max(0, at-300):at])
						}
					}
				}
			})
		})
	}
}

// fullPipe returns the writing end of a full pipe that nobody reads.
func fullPipe(t *testing.T) *os.File {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close(); writer.Close() })
	raw, err := writer.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var full error
	for full == nil {
		err := raw.Write(func(fd uintptr) bool {
			_, full = syscall.Write(int(fd), []byte{'x'})
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !errors.Is(full, syscall.EAGAIN) {
		t.Fatal(full)
	}
	return writer
}

func TestALogThatNobodyReadsStopsNothing(t *testing.T) {
	t.Parallel()
	// Lines in the text format are not gathered, so the first one finds no room.
	s := &service{t: t, stdout: &recording{}, stderr: &recording{}}
	s.launch(onSQLite(t).with("APIKEYS_LOG_FORMAT", "text"), fullPipe(t))
	s.awaitReady()
	operator := signIn(s)
	operator.accessToken(operator.create("a program"))
	s.stop()

	refused := command(t, onSQLite(t).with("APIKEYS_LISTEN", "nowhere"), "serve")
	refused.Stderr = fullPipe(t)
	if err := refused.Start(); err != nil {
		t.Fatal(err)
	}
	s.process, s.ended = refused, make(chan struct{})
	go func() {
		defer close(s.ended)
		_ = refused.Wait() // exitCode returns how it ended
	}()
	if code := s.exitCode(); code != 2 {
		t.Errorf("a refused configuration ends with code %d", code)
	}
}

func TestALogWhoseReaderIsGoneStopsNothing(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	reader.Close()
	s := &service{t: t, stdout: &recording{}, stderr: &recording{}}
	s.launch(onSQLite(t).with("APIKEYS_LOG_FORMAT", "text"), writer)
	s.awaitReady()
	operator := signIn(s)
	operator.accessToken(operator.create("a program"))
	s.stop()
}

// session makes every kind of request with a secret, correct or not, and also sends secrets where they don't belong. It returns the
// secrets by what they are.
func session(s *service) map[string]string {
	const wrongPassword = "incorrect horse battery staple"
	c := stranger(s)
	c.want(http.StatusUnauthorized, c.post("/v1/session", credentials{"admin@localhost", wrongPassword}))
	c.want(http.StatusUnauthorized, c.post("/v1/session", credentials{wrongPassword + "@localhost", wrongPassword}))
	operator := signIn(s)
	here, err := url.Parse(s.url("/"))
	if err != nil {
		s.t.Fatal(err)
	}
	cookie := operator.client.Jar.Cookies(here)[0].Value

	key := operator.create("a managing program", "settings.api-keys:editor", "cca:readonly")
	token := operator.accessToken(key)
	signature := token[strings.LastIndexByte(token, '.')+1:]
	secrets := map[string]string{
		"password": password, "wrong password": wrongPassword, "session": cookie, "secret": key.ClientSecret, "token": token,
		"token's signature": signature, "basic credentials": key.ClientID + ":" + key.ClientSecret,
	}

	c.want(http.StatusCreated, c.post("/auth", clientPair{key.ClientID, key.ClientSecret}))
	c.want(http.StatusUnauthorized, c.post("/auth", clientPair{key.ClientID, key.ClientSecret + "x"}))
	c.want(http.StatusUnauthorized, c.post("/auth", clientPair{key.ClientSecret, key.ClientID}))
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(key.ClientID+":"+key.ClientSecret))
	bearer := []string{"Authorization", "Bearer " + token}
	c.want(http.StatusOK, c.do(http.MethodGet, "/v1/api-keys", nil, bearer...))
	c.want(http.StatusUnauthorized, c.do(http.MethodGet, "/v1/api-keys", nil, "Authorization", "Bearer "+token+"x"))
	c.want(http.StatusUnauthorized, c.do(http.MethodGet, "/v1/api-keys", nil, "Authorization", basic))
	c.want(http.StatusUnauthorized, c.do(http.MethodGet, "/v1/api-keys", nil, "Authorization", key.ClientSecret))
	rotate := "/v1/api-keys/" + key.ClientID + "/rotate-secret"
	rotated := decode[apiKey](s.t, c.want(http.StatusOK, c.do(http.MethodPost, rotate, map[string]int{"grace_period_seconds": 60}, bearer...)))
	secrets["rotated secret"] = rotated.ClientSecret
	idempotent := []string{"Idempotency-Key", "once"}
	twin := draft{"made once", []string{"cca:readonly"}}
	once := decode[apiKey](s.t, operator.want(http.StatusCreated, operator.do(http.MethodPost, "/v1/api-keys", twin, idempotent...)))
	operator.want(http.StatusCreated, operator.do(http.MethodPost, "/v1/api-keys", twin, idempotent...))
	secrets["secret of a repeated answer"] = once.ClientSecret

	// Secrets where they don't belong. The log matters, not the answer.
	secret := key.ClientSecret
	for _, path := range []string{
		"/auth?client_secret=" + secret, "/oauth2/token?client_secret=" + secret, "/v1/api-keys?access_token=" + token,
		"/v1/api-keys?search=" + secret, "/v1/api-keys/" + secret, "/v1/api-keys/" + key.ClientID + "/secrets/" + secret,
		"/" + secret, "/v1/" + token, "/v1/session?password=" + url.QueryEscape(password), "/?" + secret,
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			operator.do(method, path, nil)
		}
	}
	for _, header := range []string{"X-Request-Id", "User-Agent", "X-Forwarded-For", "If-Match", "Idempotency-Key", "Content-Type", "Origin", "Accept"} {
		operator.do(http.MethodPost, "/v1/api-keys", draft{"with " + header, []string{"cca:readonly"}}, header, secret)
		c.do(http.MethodPost, "/auth", clientPair{key.ClientID, secret}, header, token)
	}
	for _, body := range []any{
		secret,
		[]string{secret},
		map[string]string{secret: secret},
		map[string]string{"name": secret},
		map[string]any{"name": "x", "scopes": []string{secret}},
		map[string]any{"client_secret": secret},
		map[string]any{"email": secret, "password": map[string]string{"password": password}},
	} {
		for _, path := range []string{"/v1/api-keys", "/v1/session", "/auth", "/oauth2/token", rotate} {
			operator.do(http.MethodPost, path, body)
		}
	}
	operator.want(http.StatusNoContent, operator.do(http.MethodDelete, "/v1/session", nil))
	return secrets
}
