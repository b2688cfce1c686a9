package app_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

// talk writes to a new connection and returns its reader. Reads fail after 20 seconds, which is longer than the service may keep a
// connection open in these tests.
func talk(t *testing.T, address, text string) *bufio.Reader {
	t.Helper()
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() }) // the service may have closed it
	if err := connection.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(connection, text); err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(connection)
}

// answers reads answers until the service closes the connection, and returns their statuses.
func answers(t *testing.T, from *bufio.Reader) []int {
	t.Helper()
	var statuses []int
	for {
		response, err := http.ReadResponse(from, nil)
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
			t.Fatal("the service keeps the connection")
		}
		if err != nil {
			return statuses
		}
		_, _ = io.Copy(io.Discard, response.Body) // if the connection ends within the body, the next read fails
		response.Body.Close()
		statuses = append(statuses, response.StatusCode)
	}
}

func TestAConnectionThatIsSlowOrIdleIsClosed(t *testing.T) {
	bounds := app.Bounds{ReadHeader: 50 * time.Millisecond, Read: 100 * time.Millisecond, Write: time.Minute, Idle: 50 * time.Millisecond, HeaderBytes: 64 << 10}
	address, _ := serveWith(t, map[string]string{}, io.Discard, bounds)
	const head = "Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
	for name, test := range map[string]struct {
		sent   string
		status int // 0 for none
	}{
		"nothing":              {"", 0},
		"half a request line":  {"GET /heal", 400},
		"half of the headers":  {"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-", 400},
		"half a body":          {"POST /auth HTTP/1.1\r\n" + head + "\r\n{", 400},
		"half a body to /v1":   {"POST /v1/session HTTP/1.1\r\n" + head + "\r\n{", 400},
		"half a form":          {"POST /oauth2/token HTTP/1.1\r\n" + strings.Replace(head, "json", "x-www-form-urlencoded", 1) + "\r\na", 400},
		"a chunk that is less": {"POST /auth HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", 400},
		"nothing more":         {"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 200},
	} {
		t.Run(name, func(t *testing.T) {
			statuses := answers(t, talk(t, address, test.sent))
			if test.status == 0 && len(statuses) > 0 || test.status != 0 && (len(statuses) != 1 || statuses[0] != test.status) {
				t.Errorf("got %v, want %d", statuses, test.status)
			}
		})
	}
}

func TestTheBoundsAreSetUnlessOthersAreAskedFor(t *testing.T) {
	if b := app.DefaultBounds; b.ReadHeader <= 0 || b.Read <= 0 || b.Write <= 0 || b.Idle <= 0 || b.HeaderBytes <= 0 {
		t.Errorf("got %+v", b)
	}
	address, _ := serve(t, map[string]string{})
	large := strings.Repeat("x", app.DefaultBounds.HeaderBytes+8<<10)
	for name, request := range map[string]string{
		"header": "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Large: " + large + "\r\n\r\n",
		"path":   "GET /" + large + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"many":   "GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + strings.Repeat("X-Many: x\r\n", 10_000) + "\r\n",
	} {
		connection := talk(t, address, request)
		if response, err := http.ReadResponse(connection, nil); err != nil || response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: got %v, %v", name, response, err)
		}
	}
}

// exhausted is a listener that has no file descriptor for the first connections.
type exhausted struct {
	net.Listener
	left int
}

func (l *exhausted) Accept() (net.Conn, error) {
	if l.left == 0 {
		return l.Listener.Accept()
	}
	l.left--
	return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept", syscall.EMFILE)}
}

func TestOneLineTellsOfConnectionsThatCantBeAccepted(t *testing.T) {
	config, err := app.LoadConfig(map[string]string{"APIKEYS_DATABASE_URL": sqlstoretest.SQLite(t), "APIKEYS_MASTER_KEY": masterKey()})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := &written{}
	_, address, stop := launchOn(t, &exhausted{listener, 3}, config, app.Options{Logger: app.NewLogger(config, log)})
	if status, body := fetch(t, "http://"+address+"/healthz"); status != http.StatusOK {
		t.Errorf("got %d: %s", status, body)
	}
	stop()
	if text, _ := log.content(); strings.Count(text, "connections can't be accepted") != 1 || !strings.Contains(text, "too many open files") {
		t.Errorf("the log is\n%s", text)
	}
}

// TestARequestHasOneEnd sends requests where two servers could disagree about the end (RFC 9112 §11.2). Each is followed by another
// request, which must not be answered unless every server would see it as a request.
func TestARequestHasOneEnd(t *testing.T) {
	address, _ := serve(t, map[string]string{})
	const start, smuggled = "POST /auth HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	for name, ambiguous := range map[string]string{
		"two lengths":                    start + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
		"a list of lengths":              start + "Content-Length: 2, 3\r\n\r\n{}",
		"a negative length":              start + "Content-Length: -2\r\n\r\n{}",
		"a signed length":                start + "Content-Length: +2\r\n\r\n{}",
		"a hexadecimal length":           start + "Content-Length: 0x2\r\n\r\n{}",
		"a space before the colon":       start + "Content-Length : 2\r\n\r\n{}",
		"an unknown coding":              start + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"two codings":                    start + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"chunked twice":                  start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"a chunk of no size":             start + "Transfer-Encoding: chunked\r\n\r\nx\r\n{}\r\n0\r\n\r\n",
		"a chunk of a negative size":     start + "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
		"a chunk longer than it says":    start + "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
		"two hosts":                      "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: elsewhere\r\n\r\n",
		"no host":                        "GET /healthz HTTP/1.1\r\n\r\n",
		"a control character in a value": "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: a\x00b\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			statuses := answers(t, talk(t, address, ambiguous+smuggled))
			if len(statuses) != 1 || statuses[0] != http.StatusBadRequest && statuses[0] != http.StatusNotImplemented {
				t.Errorf("got %v", statuses)
			}
		})
	}
	// If both are given, the coding counts (RFC 9112 §6.3), and what follows its end is the next request.
	both := start + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
	if statuses := answers(t, talk(t, address, both+smuggled)); len(statuses) == 0 || statuses[0] != http.StatusBadRequest || len(statuses) > 2 {
		t.Errorf("a length and a coding: got %v", statuses)
	}
}
