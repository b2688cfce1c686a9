package e2e

import (
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/piercloud/apikeys/pkg/await"
)

// gateway is a server in front of an API. It asks the service about requests, and is configured by a snippet of docs/gateways.md.
type gateway struct {
	language string // of the snippet
	program  string // and the name of the package that has it
	// adapt adds settings that a test needs and that readers have elsewhere.
	adapt     func(snippet string) string
	arguments func(folder, file string) []string
	// unanswered is the status that callers get when the service does not answer.
	unanswered int
}

var gateways = []gateway{
	{
		language: "nginx", program: "nginx", unanswered: http.StatusInternalServerError,
		adapt: func(snippet string) string {
			const folders = `
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
`
			return strings.Replace(snippet, "http {\n", "http {"+folders, 1)
		},
		arguments: func(folder, file string) []string {
			return []string{"-p", folder, "-e", "stderr", "-c", file, "-g", "daemon off; pid nginx.pid; error_log stderr;"}
		},
	},
	{
		language: "caddyfile", program: "caddy", unanswered: http.StatusBadGateway,
		adapt:     func(snippet string) string { return "{\n\tadmin off\n\tauto_https off\n}\n\n" + snippet },
		arguments: func(_, file string) []string { return []string{"run", "--adapter", "caddyfile", "--config", file} },
	},
}

// path returns the path of the program.
func (g gateway) path(t testing.TB) string {
	t.Helper()
	for _, name := range []string{g.program, "/usr/sbin/" + g.program, "/usr/local/sbin/" + g.program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("%s is missing; on Debian: apt-get install %s", g.program, g.program)
	return ""
}

// snippets returns the code blocks of docs/gateways.md in a language.
func snippets(t testing.TB, language string) []string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/gateways.md")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, block := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		found = append(found, block[1])
	}
	if len(found) == 0 {
		t.Fatalf("docs/gateways.md has no snippet in %s", language)
	}
	return found
}

// start runs the gateway between callers and an API, and returns its URL once it answers.
func (g gateway) start(t testing.TB, service, api string) string {
	t.Helper()
	program, address := g.path(t), freeAddress(t)
	_, port, _ := strings.Cut(address, ":")
	replace := func(text, old, value string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("the snippet in %s does not mention %s", g.language, old)
		}
		return strings.ReplaceAll(text, old, value)
	}
	configuration := g.adapt(snippets(t, g.language)[0])
	configuration = replace(configuration, "127.0.0.1:8080", service)
	configuration = replace(configuration, "127.0.0.1:9000", api)
	configuration = replace(configuration, "8000", port)
	folder := t.TempDir()
	file := filepath.Join(folder, "configuration")
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	process := exec.Command(program, g.arguments(folder, file)...)
	process.Dir = folder
	process.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + folder, "XDG_DATA_HOME=" + folder, "XDG_CONFIG_HOME=" + folder}
	serve(t, process, address)
	return "http://" + address
}

// serve runs another server than the service until the test ends, and returns when it listens at the address.
func serve(t testing.TB, process *exec.Cmd, address string) *recording {
	t.Helper()
	output := &recording{}
	process.Stdout, process.Stderr = output, output
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = process.Wait() // its output says why
	}()
	t.Cleanup(func() {
		_ = process.Process.Signal(os.Interrupt) // it may be gone
		<-ended
		if t.Failed() {
			t.Logf("%s wrote\n%s", process.Path, output)
		}
	})
	await.Until(t, startTimeout, process.Path+" listens", func() bool {
		select {
		case <-ended:
			t.Fatalf("%s ended\n%s", process.Path, output)
		default:
		}
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
	return output
}

// protected is an API behind a gateway. It records the requests that reach it.
type protected struct {
	mu       sync.Mutex
	received []http.Header
	bodies   []string
}

func (p *protected) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.received, p.bodies = append(p.received, r.Header.Clone()), append(p.bodies, string(body))
	_, _ = io.WriteString(w, r.Method+" "+r.URL.RequestURI()) // the test reads it
}

// last returns the last request that reached the API, and how many did.
func (p *protected) last() (header http.Header, body string, count int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if count = len(p.received); count == 0 {
		return nil, "", 0
	}
	return p.received[count-1], p.bodies[count-1], count
}

// TestGatewaysOfTheDocumentation runs the documented configurations in their servers.
func TestGatewaysOfTheDocumentation(t *testing.T) {
	t.Parallel()
	for _, g := range gateways {
		t.Run(g.program, func(t *testing.T) {
			t.Parallel()
			s := start(t, onSQLite(t))
			operator := signIn(s)
			reader, other := operator.create("reader"), operator.create("other", "cca:editor")
			admin := operator.create("admin", "lighthouse:admin")
			token, otherToken := operator.accessToken(reader), operator.accessToken(other)

			api := &protected{}
			upstream := httptest.NewServer(api)
			t.Cleanup(upstream.Close)
			base := g.start(t, s.address, upstream.Listener.Addr().String())
			outside := &caller{t: t, url: func(path string) string { return base + path }, client: http.DefaultClient}
			send := func(method, path, authorization string, headers ...string) answer {
				t.Helper()
				headers = append(headers, "X-Client-Id", "ak_spoofed", "X-Tenancy-Id", "spoofed", "X-Scope", "settings:admin",
					"X_Client_Id", "ak_spoofed", "X-Client_Id", "ak_spoofed", "X_Client-Id", "ak_spoofed", "X_Tenancy_Id", "spoofed", "X_Scope", "settings:admin")
				if authorization != "" {
					headers = append(headers, "Authorization", authorization)
				}
				return outside.do(method, path, map[string]string{"say": "hello"}, headers...)
			}
			_, _, before := api.last()

			const insufficient = `Bearer realm="apikeys", error="insufficient_scope", scope="lighthouse.workspaces:readonly"`
			refusals := map[string]struct {
				authorization string
				status        int
				challenge     string
			}{
				"no token":             {"", http.StatusUnauthorized, `Bearer realm="apikeys"`},
				"no bearer":            {"Basic YTpi", http.StatusUnauthorized, `Bearer realm="apikeys", error="invalid_token"`},
				"a broken token":       {"Bearer " + token[:len(token)-4], http.StatusUnauthorized, `Bearer realm="apikeys", error="invalid_token"`},
				"another scope's":      {"Bearer " + otherToken, http.StatusForbidden, insufficient},
				"a token of 7 KB":      {"Bearer " + strings.Repeat("a", 7<<10), http.StatusUnauthorized, `Bearer realm="apikeys", error="invalid_token"`},
				"two tokens in one":    {"Bearer " + otherToken + " " + token, http.StatusUnauthorized, `Bearer realm="apikeys", error="invalid_token"`},
				"a scope in the query": {"Bearer " + otherToken, http.StatusForbidden, insufficient},
			}
			for name, refusal := range refusals {
				path := "/reports/x"
				if name == "a scope in the query" {
					path += "?scope=cca:editor&any_scope=cca:editor&uri=x"
				}
				a := outside.want(refusal.status, send(http.MethodPost, path, refusal.authorization))
				if got := a.header.Get("WWW-Authenticate"); got != refusal.challenge {
					t.Errorf("%s: the challenge is %s", name, got)
				}
			}
			if _, _, after := api.last(); after != before {
				t.Errorf("%d refused requests reached the API", after-before)
			}

			for _, k := range []apiKey{reader, admin} { // one has the scope, one covers it
				for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
					a := outside.want(http.StatusOK, send(method, "/reports/a%20b?scope=everything&x=y;z", "Bearer "+operator.accessToken(k)))
					header, body, _ := api.last()
					if string(a.body) != method+" /reports/a%20b?scope=everything&x=y;z" || body != `{"say":"hello"}` {
						t.Errorf("%s arrived as %s with %s", method, a.body, body)
					}
					if strings.Contains(strings.Join(slices.Collect(maps.Keys(header)), " "), "_") {
						t.Errorf("the API was told under other names: %v", header)
					}
					if header.Get("X-Client-Id") != k.ClientID || header.Get("X-Scope") != strings.Join(k.Scopes, " ") ||
						len(header["X-Client-Id"]) != 1 || len(header["X-Tenancy-Id"]) != 1 || header.Get("X-Tenancy-Id") == "spoofed" {
						t.Errorf("the API was told %v", header)
					}
				}
			}

			outside.want(http.StatusOK, send(http.MethodGet, "/open", ""))
			if header, _, _ := api.last(); header.Get("X-Client-Id")+header.Get("X-Tenancy-Id")+header.Get("X-Scope") != "" ||
				strings.Contains(strings.Join(slices.Collect(maps.Keys(header)), " "), "_") {
				t.Errorf("where nothing is asked, the API is told %v", header)
			}

			operator.change(reader, "revoke-tokens")
			outside.want(http.StatusUnauthorized, send(http.MethodGet, "/reports/x", "Bearer "+token))
			outside.want(http.StatusOK, send(http.MethodGet, "/reports/x", "Bearer "+operator.accessToken(reader)))

			fresh := operator.accessToken(reader)
			s.kill()
			outside.want(g.unanswered, send(http.MethodGet, "/reports/x", "Bearer "+fresh))
		})
	}
}

// TestAddressesOfTheOtherGateways makes the requests that the documented configurations have Traefik and Envoy make.
func TestAddressesOfTheOtherGateways(t *testing.T) {
	t.Parallel()
	var addresses []string
	for _, snippet := range snippets(t, "yaml") {
		for _, found := range regexp.MustCompile(`(?m)(?:address: http://127\.0\.0\.1:8080|path_prefix: )(/\S+)$`).FindAllStringSubmatch(snippet, -1) {
			addresses = append(addresses, found[1])
		}
	}
	if len(addresses) != 2 {
		t.Fatalf("found the addresses %q, want one of Traefik and one of Envoy", addresses)
	}
	s := start(t, onSQLite(t))
	operator := signIn(s)
	reader, other := operator.create("reader"), operator.create("other", "cca:editor")
	for i, address := range addresses {
		paths := []string{""}
		if i == 1 { // Envoy appends the path of the request
			paths = []string{"/", "/reports/x?scope=cca:editor&any_scope=cca:editor", "/a;b?c=d;e&%zz&password=x"}
		}
		for _, path := range paths {
			for _, method := range []string{"GET", "POST", "PURGE"} {
				for k, status := range map[*apiKey]int{&reader: http.StatusOK, &other: http.StatusForbidden} {
					token := operator.accessToken(*k)
					operator.want(status, operator.do(method, address+path, nil, "Authorization", "Bearer "+token))
				}
			}
		}
	}
}
