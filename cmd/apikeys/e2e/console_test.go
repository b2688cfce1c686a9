package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	"time"

	"github.com/piercloud/apikeys/pkg/await"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
)

// frontend is the folder of the console.
const frontend = "../../../frontend"

// console is nginx with the configuration of the console's image in front of the service's replicas.
type console struct {
	url       string // of the console and the API
	temporary string // nginx's folder for temporary files
	process   *exec.Cmd
	output    *recording
}

func startConsole(t testing.TB, issuer string, replicas ...string) console {
	t.Helper()
	dist := absolute(t, frontend+"/dist")
	if _, err := os.Stat(dist + "/index.html"); err != nil {
		t.Fatal("the console is not built; run: make console")
	}
	address := freeAddress(t)
	var servers strings.Builder
	for _, replica := range replicas {
		servers.WriteString("server " + replica + " fail_timeout=1s; ")
	}
	folder := t.TempDir()
	process := exec.Command(absolute(t, frontend+"/nginx/run"))
	process.Env = []string{
		"PATH=" + os.Getenv("PATH"), "APIKEYS_ISSUER=" + issuer, "CONSOLE_LISTEN=" + address, "CONSOLE_ROOT=" + dist,
		"CONSOLE_ERRORS=" + absolute(t, frontend+"/nginx/errors"), "CONSOLE_TEMP=" + folder,
		"CONSOLE_RESOLVER=127.0.0.1", "CONSOLE_SERVERS=" + servers.String(),
	}
	check := exec.Command(process.Path, "-t")
	check.Env = process.Env
	if output, err := check.CombinedOutput(); err != nil || strings.Contains(string(output), "warn") {
		t.Fatalf("nginx does not like its configuration: %v\n%s", err, output)
	}
	return console{"http://" + address, folder, process, serve(t, process, address)}
}

func absolute(t testing.TB, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// elsewhere returns an address of this machine other than the one that nginx connects to the replicas from, so that they can tell a
// caller from nginx.
func elsewhere(t testing.TB) net.Addr {
	t.Helper()
	address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address.String())
	if err != nil {
		t.Fatalf("the machine's loopback has no second address; on macOS: sudo ifconfig lo0 alias 127.0.0.2 (%v)", err)
	}
	_ = listener.Close()
	return address
}

// TestConsoleInFrontOfReplicas runs the set-up of docker-compose.yml as plain processes.
func TestConsoleInFrontOfReplicas(t *testing.T) {
	t.Parallel()
	e := onPostgreSQL(pgtest.URL(t)).with("APIKEYS_TRUSTED_PROXIES", "127.0.0.1/32", "APIKEYS_METRICS_LISTEN", "127.0.0.1:0")
	first, second := start(t, e), start(t, e.with("APIKEYS_DRAIN", "5s"))
	base := startConsole(t, issuer, first.address, second.address).url
	url := func(path string) string { return base + path }
	operator := newCaller(t, url, elsewhere(t))

	t.Run("an operator works from the origin that the browser sees", func(t *testing.T) {
		operator.signIn("Origin", base)
		body := draft{"made behind nginx", []string{"settings.api-keys:readonly"}}
		key := decode[apiKey](t, operator.want(http.StatusCreated, operator.do(http.MethodPost, "/v1/api-keys", body, "Origin", base)))
		for _, other := range []string{"https://elsewhere.example", "null"} {
			operator.want(http.StatusForbidden, operator.do(http.MethodPost, "/v1/api-keys", draft{"forged", body.Scopes}, "Origin", other))
		}
		token := operator.accessToken(key)
		operator.want(http.StatusCreated, operator.post("/auth", clientPair{key.ClientID, key.ClientSecret}))
		program := newCaller(t, url, nil)
		for range 4 { // each replica gets some
			program.want(http.StatusOK, program.do(http.MethodGet, "/v1/api-keys", nil, "Authorization", "Bearer "+token))
			program.want(http.StatusOK, program.do(http.MethodGet, "/oauth2/verify", nil, "Authorization", "Bearer "+token))
		}
	})

	t.Run("the log has the caller's address, whatever it claims", func(t *testing.T) {
		for _, claim := range []string{"203.0.113.9", "203.0.113.9, 127.0.0.1", "127.0.0.1"} {
			const name = "claimed"
			key := decode[apiKey](t, operator.want(http.StatusCreated, operator.do(http.MethodPost, "/v1/api-keys",
				draft{name, []string{"cca:readonly"}}, "X-Forwarded-For", claim, "X-Real-IP", claim, "Forwarded", "for="+claim)))
			events := decode[struct {
				Items []struct{ IP string }
			}](t, operator.want(http.StatusOK, operator.get("/v1/events?subject="+key.ClientID)))
			if len(events.Items) != 1 || events.Items[0].IP != "127.0.0.2" {
				t.Errorf("with the claim %s, the log says %v", claim, events.Items)
			}
			operator.change(key, "delete")
		}
	})

	t.Run("a revocation comes through at once", func(t *testing.T) {
		key := operator.create("to be revoked")
		stream := follow(t, url("/v1/revocations"))
		began := time.Now()
		operator.change(key, "deactivate")
		await.Until(t, refusalTimeout, "the stream tells of the key", func() bool { return strings.Contains(stream.String(), key.ClientID) })
		t.Logf("told after %v", time.Since(began).Round(time.Millisecond))
	})

	t.Run("nginx answers as the binary does", func(t *testing.T) { compareWithBinary(t, newCaller(t, url, nil), stranger(first)) })

	t.Run("a restart fails no request", func(t *testing.T) { second = restartUnderLoad(t, operator, e, second) })

	t.Run("a replica that is killed is not missed", func(t *testing.T) {
		key := operator.create("of a program")
		first.kill()
		for range 20 {
			operator.want(http.StatusOK, operator.get("/v1/session"))
		}
		for range 20 {
			operator.want(http.StatusOK, operator.token(key.ClientID, key.ClientSecret))
		}
		restarted := start(t, e.with("APIKEYS_LISTEN", first.address))
		second.kill()
		await.Until(t, startTimeout, "nginx has found the replica again", func() bool {
			return operator.get("/v1/session").status == http.StatusOK
		})
		await.Until(t, startTimeout, "nginx has found it again for tokens, too", func() bool {
			return operator.token(key.ClientID, key.ClientSecret).status == http.StatusOK
		})
		restarted.stop()
		a := operator.want(http.StatusServiceUnavailable, operator.token(key.ClientID, key.ClientSecret))
		if a.header.Get("Retry-After") == "" || !strings.Contains(string(a.body), `"temporarily_unavailable"`) {
			t.Errorf("without replicas, nginx answers %v with %v", a, a.header)
		}
		operator.want(http.StatusOK, operator.get("/sign-in")) // the page is there to say so
	})
}

// follow opens a stream of events and records it.
func follow(t *testing.T, address string) *recording {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", address, response.Status)
	}
	received, ended := &recording{}, make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(received, response.Body) // until the test closes it
	}()
	t.Cleanup(func() {
		_ = response.Body.Close()
		<-ended
	})
	return received
}

// restartUnderLoad stops a replica gracefully and starts it again, while programs request tokens and an operator reads. It returns
// the new replica.
func restartUnderLoad(t *testing.T, operator *caller, e environment, replica *service) *service {
	key := operator.create("of programs")
	var programs sync.WaitGroup
	defer programs.Wait()
	done := make(chan struct{})
	defer close(done)
	for range 4 {
		programs.Go(func() {
			for answered := 0; ; answered++ {
				select {
				case <-done:
					return
				default:
				}
				for _, ask := range []func() (answer, error){
					func() (answer, error) { return operator.tryToken(key.ClientID, key.ClientSecret) },
					func() (answer, error) { return operator.try(http.MethodGet, "/v1/session", nil) },
				} {
					if a, err := ask(); err != nil || a.status != http.StatusOK {
						t.Errorf("after %d rounds: %v, %v", answered, a, err)
						return
					}
				}
			}
		})
	}
	replica.stop()
	again := start(replica.t, e.with("APIKEYS_LISTEN", replica.address))
	await.Until(t, startTimeout, "the replica is asked again", func() bool {
		return strings.Contains(again.stderr.String(), `"route":"/v1/session"`)
	})
	return again
}

// compareWithBinary sends the same requests to nginx and to the binary, mostly ones that nginx answers itself.
func compareWithBinary(t *testing.T, nginx, direct *caller) {
	index := string(direct.want(http.StatusOK, direct.get("/")).body)
	assets := regexp.MustCompile(`/assets/[^"]+\.(?:js|css|woff2)`).FindAllString(index, -1)
	if len(assets) < 4 {
		t.Fatalf("the page names the assets %v", assets)
	}
	type question struct {
		method, path, accepted string
		body                   any
	}
	var questions []question
	for _, path := range []string{
		"/", "/index.html", "/api-keys", "/api-keys/ak_x", "/sign-in?redirect=/x.js", "/v1x", "/metricsx",
		"/assets/gone.js", "/assets/", "/assets", "/robots.txt", "/x/../gone.css", "/index.html.br", "/.env",
	} {
		questions = append(questions, question{method: http.MethodGet, path: path, accepted: "br"}, question{method: http.MethodHead, path: path})
	}
	for _, path := range []string{"/metrics", "/metrics/", "/%6detrics"} {
		questions = append(questions, question{method: http.MethodGet, path: path})
	}
	for _, path := range append(assets, "/favicon.svg", "/", "/api-keys") {
		for _, accepted := range []string{"", "gzip, deflate, br", "gzip", "br;q=0, gzip;q=0.5", "br;q=0.0, gzip; q=0", "brx, xgzip", "identity"} {
			questions = append(questions, question{method: http.MethodGet, path: path, accepted: accepted})
		}
	}
	// nginx has a location for this. HEAD, since each replica signs a body of its own.
	questions = append(questions, question{method: http.MethodHead, path: "/v1/revocations"})
	for _, path := range []string{"/", "/api-keys", "/assets/gone.js"} {
		questions = append(questions, question{method: http.MethodPost, path: path}, question{method: http.MethodDelete, path: path})
	}
	for _, path := range []string{"/v1/session", "/auth", "/oauth2/token"} {
		for _, size := range []int{1 << 20, 1<<20 + 1} { // including the two quotes of the JSON string
			questions = append(questions, question{http.MethodPost, path, "", strings.Repeat("x", size-len(`""`))})
		}
	}
	for _, q := range questions {
		// An empty header keeps the client from asking for gzip by itself.
		want, got := direct.do(q.method, q.path, q.body, "Accept-Encoding", q.accepted), nginx.do(q.method, q.path, q.body, "Accept-Encoding", q.accepted)
		if a, b := essence(want), essence(got); a != b {
			t.Errorf("%s %s (%s): the binary answers\n%s\nnginx\n%s", q.method, q.path, q.accepted, a, b)
		}
		if len(got.header["X-Request-Id"]) != 1 {
			t.Errorf("%s %s: the request ids are %q", q.method, q.path, got.header["X-Request-Id"])
		}
	}
	for _, cookie := range []string{"", "other=x", "apikeys_session=", "apikeys_session=x", "other=x; apikeys_session=y"} {
		want, got := direct.do(http.MethodGet, "/api-keys", nil, "Cookie", cookie), nginx.do(http.MethodGet, "/api-keys", nil, "Cookie", cookie)
		if a, b := essence(want), essence(got); a != b {
			t.Errorf("with the cookie %q the binary answers\n%s\nnginx\n%s", cookie, a, b)
		}
	}
	// Answers that nginx only passes on have each header once, as the service set it.
	for _, path := range []string{"/healthz", "/readyz", "/openapi.yaml", "/docs", "/docs/", "/docs/swagger-ui.css", "/v1/none", "/.well-known/jwks.json", "/oauth2/none", "/auth"} {
		want, got := direct.get(path), nginx.get(path)
		if a, b := essence(want), essence(got); a != b {
			t.Errorf("%s: the service answers\n%s\nand through nginx\n%s", path, a, b)
		}
	}
}

// unpacked decompresses gzip, or returns the error as text.
func unpacked(compressed []byte) string {
	reader, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return err.Error()
	}
	content, err := io.ReadAll(reader)
	if err != nil {
		return err.Error()
	}
	return string(content)
}

var nonce = regexp.MustCompile(`'nonce-(\w{26,})'`)

// essence returns what two answers to the same request must have in common: everything except ids, times and nonces.
func essence(a answer) string {
	var b strings.Builder
	policy, body := a.header.Get("Content-Security-Policy"), string(a.body)
	if found := nonce.FindStringSubmatch(policy); found != nil {
		if a.header.Get("Content-Encoding") == "gzip" { // nginx and the binary compress differently
			body = unpacked(a.body)
		}
		policy = strings.ReplaceAll(policy, found[1], "NONCE")
		body = strings.ReplaceAll(body, found[1], "NONCE")
	}
	lines := map[string][]string{"status": {http.StatusText(a.status)}, "policy": {policy}, "body": {body}}
	for _, name := range []string{
		"Content-Encoding", "Vary", "X-Content-Type-Options", "Referrer-Policy", "Strict-Transport-Security", "Set-Cookie", "Retry-After", "Location",
		"Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Permissions-Policy",
	} {
		lines[name] = a.header[name]
	}
	if a.status < http.StatusBadRequest { // nginx forbids storing its errors; the binary sets no Cache-Control for some
		lines["Cache-Control"] = a.header["Cache-Control"]
	}
	lines["Content-Type"] = []string{strings.ToLower(a.header.Get("Content-Type"))}
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(lines); err != nil {
		return err.Error()
	}
	return b.String()
}

// TestNginxOfTheConsole tries nginx in front of replicas that misbehave.
func TestNginxOfTheConsole(t *testing.T) {
	t.Parallel()
	arrived := make(chan string, 64) // method and path of each request that reached a replica
	breaking := func() string {
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{ReadHeaderTimeout: startTimeout, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // as if it were processed
			arrived <- r.Method + " " + r.URL.Path
			panic(http.ErrAbortHandler) // closes the connection without an answer
		})}
		go func() { _ = server.Serve(listener) }() // until it is closed
		t.Cleanup(func() { _ = server.Close() })
		return listener.Addr().String()
	}
	base := startConsole(t, "https://keys.example.com", breaking(), breaking()).url
	c := newCaller(t, func(path string) string { return base + path }, nil)
	taken := func() (requests []string) {
		for {
			select {
			case r := <-arrived:
				requests = append(requests, r)
			default:
				return requests
			}
		}
	}
	// nginx does not use a replica for a second after a failure, so not every request arrives.
	for path, method := range map[string]string{"/healthz": http.MethodGet, "/auth": http.MethodPost, "/oauth2/token": http.MethodPost} {
		await.Until(t, startTimeout, "what changes nothing is tried at both replicas", func() bool {
			a := c.want(http.StatusServiceUnavailable, c.do(method, path, nil))
			for _, member := range []string{`"service/unavailable"`, `"temporarily_unavailable"`} {
				if strings.Contains(string(a.body), member) != (strings.HasPrefix(path, "/oauth2") == (member == `"temporarily_unavailable"`)) {
					t.Errorf("the form is not that of the route: %v", a)
				}
			}
			return len(taken()) == 2
		})
	}
	for _, method := range []string{http.MethodPost, http.MethodPatch} {
		await.Until(t, startTimeout, "a replica gets the request", func() bool {
			a := c.want(http.StatusServiceUnavailable, c.do(method, "/v1/api-keys", draft{Name: "once"}))
			if a.header.Get("Retry-After") != "2" || a.header.Get("Cache-Control") != "no-store" ||
				a.header.Get("Content-Type") != "application/problem+json" || !strings.Contains(string(a.body), `"service/unavailable"`) {
				t.Errorf("got %v with %v", a, a.header)
			}
			if a.header.Get("Strict-Transport-Security") != "max-age=31536000" {
				t.Errorf("with an issuer of https, nginx answers with %v", a.header)
			}
			requests := taken()
			if len(requests) > 1 {
				t.Errorf("a request that may have been processed is sent again: %v", requests)
			}
			return len(requests) > 0
		})
	}

	t.Run("nothing about the metrics reaches a replica", func(t *testing.T) {
		taken()
		for _, path := range []string{
			"/metrics", "/metrics/", "/metrics/x", "/metrics?x=y", "//metrics", "/./metrics", "/v1/../metrics", "/v1/..%2fmetrics", "/%6d%65trics",
			"/docs/..%2f..%2fmetrics", "/metrics%2f", "/v1%2f..%2fmetrics",
		} {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
				// Above the root, nginx sees no path at all.
				if a := c.do(method, path, nil); a.status != http.StatusNotFound && a.status != http.StatusBadRequest {
					t.Error(a)
				}
			}
		}
		if got := taken(); len(got) > 0 {
			t.Errorf("these arrived: %v", got)
		}
	})
}

// TestNginxOfTheConsoleSparesTokenRequestsAReplicaThatFails: a replica without its database answers 503, and one that hangs does
// not answer at all.
func TestNginxOfTheConsoleSparesTokenRequestsAReplicaThatFails(t *testing.T) {
	t.Parallel()
	const cutOff, still = "/auth", "/oauth2/token"
	failures := make(chan string, 256) // paths of the requests that a replica failed
	replica := func(fails ...string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // net/http notices the end of a connection only after that
			if !slices.Contains(fails, r.URL.Path) {
				return
			}
			failures <- r.URL.Path
			if r.URL.Path == still {
				<-r.Context().Done()
			}
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		t.Cleanup(server.Close)
		return server.Listener.Addr().String()
	}
	behind := func(t *testing.T, replicas ...string) *caller {
		t.Helper()
		base := startConsole(t, issuer, replicas...).url
		return newCaller(t, func(path string) string { return base + path }, nil)
	}

	t.Run("one of two", func(t *testing.T) {
		c := behind(t, replica(cutOff, still, "/v1/session"), replica())
		for _, path := range []string{cutOff, still} {
			await.Until(t, startTimeout, "the replica that fails was asked", func() bool {
				c.want(http.StatusOK, c.do(http.MethodPost, path, nil))
				return len(failures) > 0
			})
			if failed := <-failures; failed != path {
				t.Errorf("%s failed", failed)
			}
		}
		await.Until(t, startTimeout, "what may change something gets the answer of the replica that fails", func() bool {
			return c.do(http.MethodPost, "/v1/session", nil).status == http.StatusServiceUnavailable
		})
	})
	t.Run("both, which still have the key set", func(t *testing.T) {
		c := behind(t, replica(cutOff), replica(cutOff))
		for range 10 {
			c.want(http.StatusServiceUnavailable, c.do(http.MethodPost, cutOff, nil))
			c.want(http.StatusOK, c.get("/.well-known/jwks.json"))
		}
	})
}

// TestNginxOfTheConsoleKeepsNoBodyAndNoQuery: either may hold a secret.
func TestNginxOfTheConsoleKeepsNoBodyAndNoQuery(t *testing.T) {
	t.Parallel()
	const marker = "only-for-this-test"
	long := bytes.Repeat([]byte("x"), 32<<20) // more than all buffers on the way
	replica := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		switch {
		case err != nil || r.URL.Path == "/healthz":
			panic(http.ErrAbortHandler) // which nginx logs
		case r.URL.Path == "/auth":
			_, _ = w.Write(body)
		default:
			_, _ = w.Write(long)
		}
	}))
	t.Cleanup(replica.Close)
	nginx := startConsole(t, issuer, replica.Listener.Addr().String())
	c := newCaller(t, func(path string) string { return nginx.url + path }, nil)
	for _, folder := range []string{"client_body", "proxy"} { // replaced by a file, so that nginx can't buffer there
		path := filepath.Join(nginx.temporary, folder)
		if err := errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	sent := strings.Repeat("x", 900<<10)
	if a := c.want(http.StatusOK, c.post("/auth", sent)); len(a.body) != len(sent)+len(`""`) {
		t.Errorf("%d bytes came back", len(a.body))
	}
	if a := c.want(http.StatusOK, c.get("/docs/long")); len(a.body) != len(long) {
		t.Errorf("%d bytes came", len(a.body))
	}
	c.want(http.StatusServiceUnavailable, c.get("/healthz?client_secret="+marker))
	c.want(http.StatusOK, c.get("/sign-in?client_secret="+marker))
	if strings.Contains(nginx.output.String(), marker) {
		t.Errorf("it writes\n%s", nginx.output)
	}
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", nginx.process.Process.Pid)) // none where there is no such folder
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range open {
		if at, err := os.Readlink(file); err == nil && strings.HasSuffix(at, ".log") {
			t.Errorf("it has %s open", at)
		}
	}
}
