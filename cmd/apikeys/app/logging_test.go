package app_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

// valuer hides a secret until it is logged.
type valuer string

func (v valuer) LogValue() slog.Value { return slog.StringValue(string(v)) }

func TestLogsHoldNoSecret(t *testing.T) {
	secret := apikey.NewSecret()
	jwt := "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhayJ9.c2lnbmF0dXJl-_0"
	basic := "YWtfY2xpZW50OnNlY3JldA=="
	hidden := []string{secret, jwt, basic, "hunter2-hunter2"}
	password := hidden[3]
	lines := map[string]func(*slog.Logger){
		"message":                func(l *slog.Logger) { l.Info("refused " + secret + " of the client") },
		"message that is one":    func(l *slog.Logger) { l.Info(secret) },
		"attribute":              func(l *slog.Logger) { l.Info("refused", "body", `{"client_secret":"`+secret+`"}`) },
		"form":                   func(l *slog.Logger) { l.Info("refused", "body", "client_id=ak&client_secret="+secret+"&scope=") },
		"error":                  func(l *slog.Logger) { l.Info("refused", "error", fmt.Errorf("parse %q: %w", secret, errors.New("no"))) },
		"joined errors":          func(l *slog.Logger) { l.Info("refused", "error", errors.Join(errors.New("a"), errors.New(jwt))) },
		"nested group":           func(l *slog.Logger) { l.Info("refused", slog.Group("a", slog.Group("b", "text", "x "+secret))) },
		"name in a nested group": func(l *slog.Logger) { l.Info("refused", slog.Group("a", slog.Group("b", "password", password))) },
		"group of the logger":    func(l *slog.Logger) { l.WithGroup("a").With("header", "Bearer "+jwt).Info("refused") },
		"value of the logger":    func(l *slog.Logger) { l.With("client_secret", password).Info("refused") },
		"valuer":                 func(l *slog.Logger) { l.Info("refused", "value", valuer("x "+secret)) },
		"name in another case": func(l *slog.Logger) {
			l.Info("refused", "Authorization", password, "Set-Cookie", password, "Password", password)
		},
		"names": func(l *slog.Logger) {
			l.Info("refused", "token", password, "cookie", password, "master_key", password, "secret", password)
		},
		"number behind a name":      func(l *slog.Logger) { l.Info("refused", "password", []byte(password)) },
		"JWT":                       func(l *slog.Logger) { l.Info("token " + jwt) },
		"unsigned JWT":              func(l *slog.Logger) { l.Info("token", "raw", jwt[:strings.LastIndexByte(jwt, '.')+1]+basic) },
		"Basic header":              func(l *slog.Logger) { l.Info("header Basic " + basic) },
		"Basic header, lower case":  func(l *slog.Logger) { l.Info("refused", "header", "basic "+basic) },
		"Bearer header":             func(l *slog.Logger) { l.Info("refused", "header", "Bearer "+basic) },
		"several in one":            func(l *slog.Logger) { l.Info(secret + " " + secret + "," + jwt + ";Basic " + basic) },
		"list":                      func(l *slog.Logger) { l.Info("refused", "list", []string{"a", secret}) },
		"map":                       func(l *slog.Logger) { l.Info("refused", "map", map[string]string{"a": secret}) },
		"header":                    func(l *slog.Logger) { l.Info("refused", "header", http.Header{"Authorization": {"Basic " + basic}}) },
		"structure":                 func(l *slog.Logger) { l.Info("refused", "created", apikey.Created{Secret: secret}) },
		"at another level":          func(l *slog.Logger) { l.Error("refused " + jwt) },
		"at the level of debugging": func(l *slog.Logger) { l.Debug("refused " + secret) },
	}
	for _, format := range []string{"json", "text"} {
		for name, log := range lines {
			var out bytes.Buffer
			log(app.NewLogger(app.Config{LogLevel: "debug", LogFormat: format}, &out))
			for _, text := range hidden {
				if strings.Contains(out.String(), text) {
					t.Errorf("%s as %s shows %s: %s", name, format, text, out.String())
				}
			}
			if !strings.Contains(out.String(), "[redacted]") {
				t.Errorf("%s as %s does not say that something is missing: %s", name, format, out.String())
			}
		}
	}
}

func TestLogsKeepWhatIsNoSecret(t *testing.T) {
	var out bytes.Buffer
	id := apikey.NewClientID()
	app.NewLogger(app.Config{LogLevel: "info", LogFormat: "json"}, &out).Info("issued a token", "client_id", id, "status", 201,
		"error", errors.New("none"), "list", []string{"a", "b"}, slog.Group("http", "path", "/oauth2/token"))
	for _, text := range []string{
		`"msg":"issued a token"`, `"client_id":"` + id + `"`, `"status":201`, `"error":"none"`, `"list":["a","b"]`, `"http":{"path":"/oauth2/token"}`,
	} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("%s is missing from %s", text, out.String())
		}
	}
}

func TestLogsAreOfTheConfiguredLevelAndFormat(t *testing.T) {
	tests := []struct {
		config      app.Config
		first, last slog.Level // the lowest level that is logged, and a level that is not
	}{
		{config: app.Config{LogLevel: "debug"}, first: slog.LevelDebug, last: slog.LevelDebug - 1},
		{config: app.Config{LogLevel: "info"}, first: slog.LevelInfo, last: slog.LevelDebug},
		{config: app.Config{LogLevel: "warn"}, first: slog.LevelWarn, last: slog.LevelInfo},
		{config: app.Config{LogLevel: "error"}, first: slog.LevelError, last: slog.LevelWarn},
	}
	for _, test := range tests {
		logger := app.NewLogger(test.config, &bytes.Buffer{})
		if !logger.Enabled(t.Context(), test.first) || logger.Enabled(t.Context(), test.last) {
			t.Errorf("%s: %v is %v, %v is %v", test.config.LogLevel, test.first, logger.Enabled(t.Context(), test.first), test.last, logger.Enabled(t.Context(), test.last))
		}
	}
	var out bytes.Buffer
	app.NewLogger(app.Config{LogLevel: "info"}, &out).Info("hello")
	if !strings.HasPrefix(out.String(), "{") {
		t.Errorf("to something that is no terminal: %s", out.String())
	}
	out.Reset()
	app.NewLogger(app.Config{LogLevel: "info", LogFormat: "text"}, &out).Info("hello")
	if !strings.HasPrefix(out.String(), "time=") {
		t.Errorf("as text: %s", out.String())
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestAFirstPasswordThatCantBeShownIsToldInTheLog(t *testing.T) {
	config, err := app.LoadConfig(map[string]string{"APIKEYS_DATABASE_URL": sqlstoretest.SQLite(t), "APIKEYS_MASTER_KEY": masterKey()})
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	a, err := app.New(config, app.Options{Logger: app.NewLogger(config, &logged), Output: full{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.Prepare(t.Context()), a.Close()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(logged.String(), "no space left on device") || strings.Contains(logged.String(), "Password") {
		t.Errorf("the log is %q", logged.String())
	}
}
