package app_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/sealed"
)

// wrong returns the variables that a configuration's error names.
func wrong(err error) []string {
	var names []string
	var walk func(error)
	walk = func(err error) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				walk(e)
			}
			return
		}
		var config *app.ConfigError
		if errors.As(err, &config) {
			names = append(names, config.Variable)
		}
	}
	walk(err)
	return names
}

func masterKey() string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, sealed.KeySize))
}

func TestDefaultsAreValid(t *testing.T) {
	for name, environment := range map[string]map[string]string{"nothing is set": {}, "other programs' variables": {"HOME": "/root", "LISTEN": "bad"}} {
		config, err := app.LoadConfig(environment)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if config.Listen != "127.0.0.1:8080" || config.DatabaseURL != "sqlite://data/apikeys.db" || config.Issuer != "http://localhost:8080" ||
			config.Audience != config.Issuer || config.OperatorEmail != "admin@localhost" || config.Limits != "on" || config.LogLevel != "info" {
			t.Errorf("%s: %+v", name, config)
		}
	}
}

func TestVariablesAreTaken(t *testing.T) {
	scopes := filepath.Join(t.TempDir(), "scopes.yaml")
	if err := os.WriteFile(scopes, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := app.LoadConfig(map[string]string{
		"APIKEYS_LISTEN": "[::1]:0", "APIKEYS_DATABASE_URL": "postgres://user:password@localhost/keys", "APIKEYS_ISSUER": "https://keys.example.com",
		"APIKEYS_AUDIENCE": "https://api.example.com", "APIKEYS_MASTER_KEY": masterKey(), "APIKEYS_OPERATOR_EMAIL": "ana@example.com",
		"APIKEYS_OPERATOR_PASSWORD": "correct horse battery staple", "APIKEYS_SCOPES_FILE": scopes,
		"APIKEYS_CORS_ORIGINS":    "https://console.example.com, http://localhost:5173",
		"APIKEYS_TRUSTED_PROXIES": "10.0.0.0/8 , fd00::/8", "APIKEYS_LIMITS": "off", "APIKEYS_LOG_LEVEL": "debug", "APIKEYS_LOG_FORMAT": "text",
	})
	if err != nil {
		t.Fatal(err)
	}
	if config.Listen != "[::1]:0" || config.Audience != "https://api.example.com" || len(config.CORSOrigins) != 2 || len(config.TrustedProxies) != 2 {
		t.Errorf("the configuration is %+v", config)
	}
}

func TestABadValueIsNamed(t *testing.T) {
	const postgres = "postgres://user:password@localhost/keys"
	present := filepath.Join(t.TempDir(), "present")
	if err := os.WriteFile(present, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// Further variables that a value needs to be wrong only for its own reason.
	together := map[string]map[string]string{
		"APIKEYS_TLS_CERT_FILE": {"APIKEYS_TLS_KEY_FILE": present}, "APIKEYS_TLS_KEY_FILE": {"APIKEYS_TLS_CERT_FILE": present},
	}
	tests := map[string][]string{
		"APIKEYS_LISTEN":              {"8080", "localhost", "localhost:http", ":65536", ":-1", "http://localhost:8080", "::1:8080", ":"},
		"APIKEYS_DATABASE_URL":        {"sqlite://", "sqlite://a.db?mode=memory", "sqlite://a.db#b", "mysql://localhost/keys", "data/apikeys.db", "sqlite", "postgres://%zz"},
		"APIKEYS_ISSUER":              {"keys.example.com", "https://keys.example.com/", "https://keys.example.com/path", "ftp://keys.example.com", "https://", "https://user@keys.example.com", "https://keys.example.com?x", "https://keys.example.com#x", "https://keys example.com"},
		"APIKEYS_MASTER_KEY_PREVIOUS": {"short", strings.Repeat("A", 43)},
		"APIKEYS_MASTER_KEY":          {"short", strings.Repeat("A", 43), strings.Repeat("A", 64), "!" + masterKey()[1:]},
		"APIKEYS_OPERATOR_EMAIL":      {"nobody", "a@b@c", "Ana <ana@example.com>", "ana@example.com,bob@example.com", " "},
		"APIKEYS_OPERATOR_PASSWORD":   {"short", "elevenchars", strings.Repeat("x", 257)},
		"APIKEYS_SCOPES_FILE":         {filepath.Join(t.TempDir(), "absent.yaml"), t.TempDir()},
		"APIKEYS_CORS_ORIGINS":        {"*", "console.example.com", "https://a.example.com,b.example.com", "https://a.example.com/", "https://*.example.com", "https://a?.example.com"},
		"APIKEYS_TRUSTED_PROXIES":     {"10.0.0.1", "localhost", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/8,x", "10.0.0.0/8,,fd00::/8"},
		"APIKEYS_USAGE_DAYS":          {"0", "-1", "3661", "many", "1.5", "9999999999999999999"},
		"APIKEYS_LIMITS":              {"yes", "ON", "0", "management=0/1m", "management=5", "tokens=5/1m"},
		"APIKEYS_DRAIN":               {"5", "-1s", "6m", "soon"},
		"APIKEYS_STATUS_LIST":         {"yes", "ON", "1"},
		"APIKEYS_METRICS_LISTEN":      {"9090", "localhost", ":65536"},
		"APIKEYS_TLS_CERT_FILE":       {filepath.Join(t.TempDir(), "absent.crt")},
		"APIKEYS_TLS_KEY_FILE":        {filepath.Join(t.TempDir(), "absent.key")},
		"APIKEYS_LOG_LEVEL":           {"trace", "INFO", "1"},
		"APIKEYS_LOG_FORMAT":          {"xml", "JSON"},
	}
	for variable, values := range tests {
		for _, value := range values {
			environment := map[string]string{variable: value}
			maps.Copy(environment, together[variable])
			_, err := app.LoadConfig(environment)
			if names := wrong(err); !slices.Equal(names, []string{variable}) {
				t.Errorf("%s=%s: %v names %v", variable, value, err, names)
			} else if !strings.HasPrefix(err.Error(), variable+" ") || strings.Contains(err.Error(), "%!") {
				t.Errorf("%s=%s: the message is %q", variable, value, err)
			}
		}
	}
	if _, err := app.LoadConfig(map[string]string{"APIKEYS_DATABASE_URL": postgres}); !slices.Equal(wrong(err), []string{"APIKEYS_MASTER_KEY"}) {
		t.Errorf("PostgreSQL without a master key: %v", err)
	}
	for _, v := range app.Variables() {
		switch v.Name {
		case "APIKEYS_AUDIENCE", "APIKEYS_OIDC_ROLE_CLAIM", "APIKEYS_OIDC_EMAIL_VERIFIED_CLAIM": // any text is accepted here
		case "APIKEYS_OIDC_ISSUER", "APIKEYS_OIDC_CLIENT_ID", "APIKEYS_OIDC_CLIENT_SECRET", "APIKEYS_OIDC_SCOPES", "APIKEYS_OIDC_ROLES",
			"APIKEYS_OIDC_NAME": // tried together in a test of their own
		default:
			if tests[v.Name] == nil {
				t.Errorf("no bad value of %s is tried", v.Name)
			}
		}
	}
}

func TestTheProxyThatIsNoNetworkIsNamed(t *testing.T) {
	if _, err := app.LoadConfig(map[string]string{"APIKEYS_TRUSTED_PROXIES": "10.0.0.0/8, 10.0.0.0/08"}); err == nil || !strings.Contains(err.Error(), `"10.0.0.0/08" is not`) {
		t.Errorf("got %v", err)
	}
}

// TestAnOriginIsWrittenAsABrowserDoes: any other spelling would never equal the Origin that a browser sends, and nobody would
// notice.
func TestAnOriginIsWrittenAsABrowserDoes(t *testing.T) {
	for origin, right := range map[string]bool{
		"https://keys.example.com": true, "http://localhost": true, "http://localhost:5173": true, "https://keys.example.com:8443": true,
		"https://xn--bcher-kva.example": true, "http://192.0.2.1:8080": true, "http://[::1]": true, "http://[2001:db8::1]:8080": true,
		"https://keys.example.com.": true, "http://my_host-1:65535": true, "http://localhost:443": true, "https://localhost:80": true,
		"https://Keys.example.com": false, "HTTPS://keys.example.com": false, "https://keys.example.com:443": false, "http://localhost:80": false,
		"http://[::1]:80": false, "https://[2001:db8::1]:443": false, "https://keys.example.com:65536": false, "https://keys.example.com:0": false,
		"https://keys.example.com:08443": false, "https://keys.example.com:": false, "http://[::1]:": false, "http://:8080": false, "http://": false,
		"https://b\u00fccher.example": false, "http://[2001:DB8::1]": false, "http://[0:0::1]": false, "http://[fe80::1%25eth0]": false,
		"http://[192.0.2.1]": false, "https://keys..example.com": false, "https://.example.com": false, "https://keys.example.com:8443/": false,
		"https://keys%2eexample.com": false, "null": false,
	} {
		_, err := app.LoadConfig(map[string]string{"APIKEYS_CORS_ORIGINS": origin})
		if names := wrong(err); right && err != nil || !right && (!slices.Equal(names, []string{"APIKEYS_CORS_ORIGINS"}) || !strings.Contains(err.Error(), "as a browser writes them")) {
			t.Errorf("%s: %v", origin, err)
		}
	}
}

// TestAnIssuerIsWrittenAsItAlwaysWas: verifiers of tokens compare it as text.
func TestAnIssuerIsWrittenAsItAlwaysWas(t *testing.T) {
	for issuer, right := range map[string]bool{
		"https://Keys.example.com": true, "https://keys.example.com:443": true, "http://[::1]:80": true, "https://b\u00fccher.example": true,
		"https://keys.example.com:65536": false, "https://keys.example.com:0": false, "https://keys.example.com:": false, "http://:8080": false,
		"http://[::1]:": false, "HTTPS://keys.example.com": false,
	} {
		_, err := app.LoadConfig(map[string]string{"APIKEYS_ISSUER": issuer})
		if names := wrong(err); right && err != nil || !right && !slices.Equal(names, []string{"APIKEYS_ISSUER"}) {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}

func TestEverythingWrongIsToldAtOnce(t *testing.T) {
	_, err := app.LoadConfig(map[string]string{"APIKEYS_LISTEN": "x", "APIKEYS_LIMITS": "x", "APIKEYS_DATABASE_URL": "x", "APIKEYS_MASTER_KEY": "x"})
	names := wrong(err)
	slices.Sort(names)
	if want := []string{"APIKEYS_DATABASE_URL", "APIKEYS_LIMITS", "APIKEYS_LISTEN", "APIKEYS_MASTER_KEY"}; !slices.Equal(names, want) {
		t.Errorf("%v are named, want %v", names, want)
	}
}

func TestErrorsDoNotRepeatSecrets(t *testing.T) {
	const password = "hunter2hunter2"
	for _, url := range []string{
		"postgres://user:" + password + "@localhost:bad/keys", "mysql://user:" + password + "@localhost/keys",
		"postgres://user:" + password + "@localhost/keys?sslmode=bad", "postgres://user:" + password + "@local host/%zz",
		"postgres://localhost/keys?password=" + password + "&sslmode=bad",
	} {
		config, err := app.LoadConfig(map[string]string{"APIKEYS_DATABASE_URL": url, "APIKEYS_MASTER_KEY": masterKey()})
		if err == nil {
			_, err = app.New(config, app.Options{Logger: app.NewLogger(config, io.Discard)})
		}
		if err == nil || strings.Contains(err.Error(), password) {
			t.Errorf("%s: %v", url, err)
		}
		if names := wrong(err); !slices.Equal(names, []string{"APIKEYS_DATABASE_URL"}) {
			t.Errorf("%s: %v names %v", url, err, names)
		}
	}
	for variable, value := range map[string]string{"APIKEYS_OPERATOR_PASSWORD": "hunter2", "APIKEYS_MASTER_KEY": password} {
		if _, err := app.LoadConfig(map[string]string{variable: value}); err == nil || strings.Contains(err.Error(), value) {
			t.Errorf("%s: %v", variable, err)
		}
	}
}

func TestADatabaseThatIsAwayDoesNotShowItsPassword(t *testing.T) {
	const password = "hunter2hunter2"
	config, err := app.LoadConfig(map[string]string{
		"APIKEYS_DATABASE_URL": "postgres://user:" + password + "@127.0.0.1:1/keys", "APIKEYS_MASTER_KEY": masterKey(), "APIKEYS_LOG_LEVEL": "debug",
	})
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	logger := app.NewLogger(config, &logged)
	a, err := app.New(config, app.Options{Logger: logger, Output: &logged})
	if err != nil {
		t.Fatal(err)
	}
	err = a.Prepare(t.Context())
	if !errors.Is(err, apikey.ErrUnavailable) {
		t.Errorf("nothing listens there, and the error is %v", err)
	}
	logger.Error("can't start", "error", err, "ready", a.Ready(t.Context()))
	if strings.Contains(logged.String(), password) {
		t.Errorf("the log shows it: %s", logged.String())
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

func TestSecretsMayBeInFiles(t *testing.T) {
	folder := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config, err := app.LoadConfig(map[string]string{
		"APIKEYS_MASTER_KEY_FILE":        file("key", masterKey()+"\n"),
		"APIKEYS_OPERATOR_PASSWORD_FILE": file("password", " correct horse battery staple \r\n"),
		"APIKEYS_DATABASE_URL_FILE":      file("url", "postgres://user:password@localhost/keys\n"),
		"APIKEYS_OPERATOR_PASSWORD":      "", // as docker compose sets a variable that is left empty
	})
	if err != nil {
		t.Fatal(err)
	}
	if config.MasterKey != masterKey() || config.OperatorPassword != " correct horse battery staple " || config.DatabaseURL != "postgres://user:password@localhost/keys" {
		t.Errorf("the configuration is %+v", config)
	}

	_, err = app.LoadConfig(map[string]string{"APIKEYS_MASTER_KEY_FILE": file("key", masterKey()), "APIKEYS_MASTER_KEY": masterKey()})
	if !slices.Equal(wrong(err), []string{"APIKEYS_MASTER_KEY"}) || !strings.Contains(err.Error(), "APIKEYS_MASTER_KEY_FILE") {
		t.Errorf("both are set: %v", err)
	}
	_, err = app.LoadConfig(map[string]string{"APIKEYS_DATABASE_URL_FILE": filepath.Join(folder, "absent")})
	if !slices.Equal(wrong(err), []string{"APIKEYS_DATABASE_URL_FILE"}) {
		t.Errorf("the file is not there: %v", err)
	}
	_, err = app.LoadConfig(map[string]string{"APIKEYS_DATABASE_URL_FILE": file("empty", "\n")})
	if !slices.Equal(wrong(err), []string{"APIKEYS_DATABASE_URL_FILE"}) {
		t.Errorf("the file is empty: %v", err)
	}
	_, err = app.LoadConfig(map[string]string{"APIKEYS_MASTER_KEY_FILE": file("bad", "bad")})
	if !slices.Equal(wrong(err), []string{"APIKEYS_MASTER_KEY"}) {
		t.Errorf("the file's content is wrong: %v", err)
	}
	if _, err := app.LoadConfig(map[string]string{"APIKEYS_LISTEN_FILE": filepath.Join(folder, "absent")}); err != nil {
		t.Errorf("what is no secret is not read from a file: %v", err)
	}
}

// open builds the service on a SQLite file and closes it again.
func open(t *testing.T, path string, pairs ...string) error {
	t.Helper()
	environment := map[string]string{"APIKEYS_DATABASE_URL": "sqlite://" + path}
	for pair := range slices.Chunk(pairs, 2) {
		environment[pair[0]] = pair[1]
	}
	config, err := app.LoadConfig(environment)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(config, app.Options{Logger: app.NewLogger(config, io.Discard)})
	if err != nil {
		return err
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	return a.Prepare(t.Context())
}

func TestTheMasterKeyIsMadeOnceBesideTheDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "apikeys.db")
	if err := open(t, path); err != nil {
		t.Fatal(err)
	}
	keyFile := path + ".master-key"
	info, err := os.Stat(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("its mode is %o", mode)
	}
	if folder, err := os.Stat(filepath.Dir(path)); err != nil || folder.Mode().Perm() != 0o700 {
		t.Errorf("the folder's mode is %v, %v", folder.Mode(), err)
	}
	first, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sealed.ParseMasterKey(string(first)); err != nil {
		t.Error(err)
	}
	if err := open(t, path); err != nil {
		t.Fatalf("the second time: %v", err)
	}
	if second, err := os.ReadFile(keyFile); err != nil || !bytes.Equal(first, second) {
		t.Errorf("the second time it is another: %v", err)
	}
	if err := open(t, path, "APIKEYS_MASTER_KEY", masterKey()); !slices.Equal(wrong(err), []string{"APIKEYS_MASTER_KEY"}) || !errors.Is(err, sealed.ErrWrongKey) && !strings.Contains(err.Error(), "master key") {
		t.Errorf("another master key: %v", err)
	}
	if err := os.WriteFile(keyFile, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, path); err == nil || !strings.Contains(err.Error(), keyFile) {
		t.Errorf("a damaged file: %v", err)
	}
}

func TestAConfiguredMasterKeyIsNotWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "apikeys.db")
	if err := open(t, path, "APIKEYS_MASTER_KEY", masterKey()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + ".master-key"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a file: %v", err)
	}
}

func TestWhatTurnsOutWrongLaterIsNamedToo(t *testing.T) {
	folder := t.TempDir()
	scopes := filepath.Join(folder, "scopes.yaml")
	if err := os.WriteFile(scopes, []byte("products: []"), 0o600); err != nil {
		t.Fatal(err)
	}
	blocked := filepath.Join(folder, "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		path, variable string
		pairs          []string
	}{
		"the catalogue":            {filepath.Join(folder, "a.db"), "APIKEYS_SCOPES_FILE", []string{"APIKEYS_SCOPES_FILE", scopes}},
		"a folder that is no such": {filepath.Join(blocked, "d.db"), "APIKEYS_DATABASE_URL", []string{"APIKEYS_MASTER_KEY", masterKey()}},
	}
	for name, test := range tests {
		if err := open(t, test.path, test.pairs...); !slices.Equal(wrong(err), []string{test.variable}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
