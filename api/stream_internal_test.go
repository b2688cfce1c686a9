package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"
	"pgregory.net/rapid"

	"github.com/piercloud/apikeys/pkg/await"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/revocation"
)

// feed is the stream's route over a set that the test fills, without a database.
type feed struct {
	revocationRoutes
	stop  chan struct{}
	stale atomic.Bool
	seq   int64
	echo  *echo.Echo
}

// always is the prepared function of a server that is prepared.
func always() bool { return true }

func newFeed() *feed {
	f := &feed{stop: make(chan struct{})}
	f.revocationRoutes = revocationRoutes{
		set: revocation.NewSet(nil, time.Now), fresh: func() bool { return !f.stale.Load() }, stopping: f.stop,
		listeners: newPlaces[netip.Addr](listenersMax, listenersMaxFor), writeMax: streamWriteMax,
	}
	s := &server{now: time.Now, prepared: always, log: slog.New(slog.DiscardHandler), console: newConsole(nil)}
	f.echo = echo.New()
	f.echo.IPExtractor = echo.ExtractIPDirect()
	f.echo.Use(s.observe)
	return f
}

// handler returns the route with the feed's current fields, so set them before.
func (f *feed) handler() http.Handler {
	f.register(f.echo)
	return f.echo
}

// revoke ends a generation of a client, as an event of the log would.
func (f *feed) revoke(client string, generation int64) {
	f.seq++
	f.set.Apply(eventlog.Event{Seq: f.seq, Draft: eventlog.Draft{At: time.Now(), Revokes: &eventlog.Revocation{ClientID: client, Generation: generation}}})
}

func (f *feed) revokeToken(id string, expires time.Time) {
	f.seq++
	f.set.Apply(eventlog.Event{Seq: f.seq, Draft: eventlog.Draft{At: time.Now(), Revokes: &eventlog.Revocation{TokenID: id, ExpiresAt: expires}}})
}

// somethingElse adds an event that revokes nothing.
func (f *feed) somethingElse() {
	f.seq++
	f.set.Apply(eventlog.Event{Seq: f.seq, Draft: eventlog.Draft{At: time.Now()}})
}

// recorder is a response without a network, which a test reads while it is written.
type recorder struct {
	mu     sync.Mutex
	header http.Header
	status int
	text   strings.Builder
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) { r.status = status }

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *recorder) Flush()                           {}
func (r *recorder) SetReadDeadline(time.Time) error  { return nil }
func (r *recorder) SetWriteDeadline(time.Time) error { return nil }

// events returns the events that were written since the last call, each as one line.
func (r *recorder) events() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := strings.TrimSuffix(r.text.String(), "\n\n")
	r.text.Reset()
	if text == "" {
		return nil
	}
	events := strings.Split(text, "\n\n")
	for i, e := range events {
		events[i] = strings.NewReplacer("id: ", "", "\nevent: ", " ", "\ndata: ", " ").Replace(e)
	}
	return events
}

func streamRequest(ctx context.Context, lastEventID string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/revocations", nil)
	r.Header.Set("Accept", "text/event-stream")
	if lastEventID != "" {
		r.Header.Set("Last-Event-ID", lastEventID)
	}
	return r
}

// listen follows the feed in a synctest bubble until the bubble ends or the feed ends the stream.
func (f *feed) listen(t *testing.T, lastEventID string) (written *recorder, ended chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	written, ended = &recorder{header: http.Header{}}, make(chan struct{})
	handler := f.handler()
	go func() {
		defer close(ended)
		handler.ServeHTTP(written, streamRequest(ctx, lastEventID))
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	synctest.Wait()
	return written, ended
}

func wantEvents(t *testing.T, written *recorder, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := written.events(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestStreamTellsWhatIsRevokedAsItHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed()
		f.revoke("ak_before", 2)
		written, _ := f.listen(t, "")
		wantEvents(t, written, "1 position {}")
		f.revoke("ak_one", 3)
		wantEvents(t, written, `2 revocation {"client_id":"ak_one","generation":3}`)
		f.revokeToken("id", time.Unix(1_900_000_000, 0))
		wantEvents(t, written, `3 revocation {"jti":"id","exp":1900000000}`)
		f.somethingElse()
		wantEvents(t, written)
		time.Sleep(heartbeat)
		wantEvents(t, written, "4 position {}")
		if written.status != http.StatusOK || written.header.Get("Content-Type") != "text/event-stream" || written.header.Get("Cache-Control") != "no-cache" {
			t.Errorf("status %d, %v", written.status, written.header)
		}
	})
}

// TestStreamHasNoHeartbeatWhileTheLogCannotBeRead: silence tells followers that they may not know everything.
func TestStreamHasNoHeartbeatWhileTheLogCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed()
		f.stale.Store(true)
		written, _ := f.listen(t, "")
		time.Sleep(10 * heartbeat)
		wantEvents(t, written)
		f.stale.Store(false)
		time.Sleep(heartbeat)
		wantEvents(t, written, "0 position {}")
		f.stale.Store(true)
		f.revoke("ak_one", 2) // known revocations are still sent
		wantEvents(t, written, `1 revocation {"client_id":"ak_one","generation":2}`)
		time.Sleep(heartbeat)
		wantEvents(t, written)
	})
}

func TestStreamOfAnotherLogIsReset(t *testing.T) {
	for _, position := range []string{
		"3", "9223372036854775807", "9223372036854775808", "-1", "x", "2 ", " 2x", "1e3", "0x1", strings.Repeat("9", 64<<10),
	} {
		t.Run(position[:min(len(position), 20)], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFeed()
				f.revoke("ak_one", 2)
				f.revoke("ak_one", 3)
				written, ended := f.listen(t, position)
				time.Sleep(time.Second)
				wantEvents(t, written, "2 reset {}")
				<-ended
			})
		})
	}
}

// TestFollowerOfAReplicaThatIsAheadIsWaitedFor: this replica catches up with the follower's position, which need not start again
// from a snapshot.
func TestFollowerOfAReplicaThatIsAheadIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed()
		f.revoke("ak_one", 2)
		written, _ := f.listen(t, "2")
		wantEvents(t, written)
		f.revoke("ak_one", 3)
		f.revoke("ak_one", 4)
		time.Sleep(catchUpMax)
		wantEvents(t, written, `3 revocation {"client_id":"ak_one","generation":4}`, "3 position {}")
	})
}

func TestStreamsEndWhenTheServiceStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed()
		_, ended := f.listen(t, "")
		waiting := &recorder{header: http.Header{}}
		done := make(chan struct{})
		go func() {
			defer close(done)
			f.echo.ServeHTTP(waiting, streamRequest(t.Context(), "99"))
		}()
		synctest.Wait()
		close(f.stop)
		<-ended
		<-done
	})
}

// TestAFollowerThatHasMuchToCatchUpWithHoldsNoStopUp: over HTTP/2, a stop waits for the handler, and the follower may read as
// slowly as it likes.
func TestAFollowerThatHasMuchToCatchUpWithHoldsNoStopUp(t *testing.T) {
	for name, end := range map[string]func(f *feed, gone chan struct{}){
		"the service stops":    func(f *feed, _ chan struct{}) { close(f.stop) },
		"the follower is gone": func(_ *feed, gone chan struct{}) { close(gone) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFeed()
			for i := range 10 * streamChunk {
				f.revoke(strconv.Itoa(i), 2)
			}
			gone, chunks := make(chan struct{}), 0
			f.follow(gone, &eventWriter{send: func([]byte) error {
				if chunks++; chunks == 2 {
					end(f, gone)
				}
				return nil
			}}, 0)
			if chunks != 2 {
				t.Errorf("%d chunks were sent, want 2", chunks)
			}
		})
	}
}

// TestAListenerIsCountedWithItsNetwork: a caller with one IPv6 address can use any number of others in the same network.
func TestAListenerIsCountedWithItsNetwork(t *testing.T) {
	f := newFeed()
	f.listeners = newPlaces[netip.Addr](3, 2)
	handler := f.handler()
	for _, address := range []string{"2001:db8::1", "2001:db8::2"} {
		if !f.listeners.enter(limit.Address(address)) {
			t.Fatalf("%s is refused", address)
		}
	}
	for address, want := range map[string]int{"[2001:db8::3]:1": http.StatusTooManyRequests, "[2001:db8:0:1::3]:1": http.StatusOK} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // a follower that leaves at once
		r := streamRequest(ctx, "")
		r.RemoteAddr = address
		w := &deadlineRecorder{httptest.NewRecorder()}
		if handler.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%s: got %d, want %d", address, w.Code, want)
		}
	}
}

func TestListenersAreLimited(t *testing.T) {
	f := newFeed()
	f.listeners = newPlaces[netip.Addr](3, 2)
	handler := f.handler()
	ask := func(address string) *httptest.ResponseRecorder {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // a follower that leaves at once
		r := streamRequest(ctx, "")
		r.RemoteAddr = address + ":1234"
		w := &deadlineRecorder{httptest.NewRecorder()}
		handler.ServeHTTP(w, r)
		return w.ResponseRecorder
	}
	for range 10 { // followers that left no longer count
		if w := ask("192.0.2.1"); w.Code != http.StatusOK {
			t.Fatalf("got %d", w.Code)
		}
	}
	for _, address := range []string{"192.0.2.1", "192.0.2.1", "192.0.2.2"} {
		if !f.listeners.enter(limit.Address(address)) {
			t.Fatalf("%s is refused", address)
		}
	}
	refused := func(address string) {
		t.Helper()
		if w := ask(address); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "4" || !strings.Contains(w.Body.String(), "rate-limit/exceeded") ||
			!strings.Contains(w.Body.String(), "Too many streams are open. Try again in 4 seconds.") {
			t.Errorf("%s: got %d with %v: %s", address, w.Code, w.Header(), w.Body)
		}
	}
	refused("192.0.2.3") // three follow already
	f.listeners.leave(limit.Address("192.0.2.2"))
	refused("192.0.2.1") // two of this address follow already
	if w := ask("192.0.2.3"); w.Code != http.StatusOK {
		t.Errorf("got %d where there is room", w.Code)
	}
}

// deadlineRecorder is a recorder with the deadlines of a connection.
type deadlineRecorder struct{ *httptest.ResponseRecorder }

func (deadlineRecorder) SetReadDeadline(time.Time) error  { return nil }
func (deadlineRecorder) SetWriteDeadline(time.Time) error { return nil }

// serve serves the feed on a real listener, with small send buffers.
func (f *feed) serve(t testing.TB) (address string) {
	t.Helper()
	s := httptest.NewUnstartedServer(f.handler())
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if tcp, ok := c.(*net.TCPConn); !ok || tcp.SetWriteBuffer(16<<10) != nil {
			t.Error("the connection's buffer can't be made small")
		}
		return ctx
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// connect sends a request for the stream and reads nothing.
func connect(t testing.TB, address string, lastEventID int64) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := fmt.Fprintf(c, "GET /v1/revocations HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nLast-Event-ID: %d\r\n\r\n", lastEventID); err != nil {
		t.Fatal(err)
	}
	return c
}

func (p *places[K]) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestFollowerThatDoesNotReadIsDropped: 50 followers request the whole feed, megabytes each, and read nothing. Until they are
// dropped, the service must not buffer it for them, and followers that do read are not held up.
func TestFollowerThatDoesNotReadIsDropped(t *testing.T) {
	const lazy, revocations = 50, 50_000
	f := newFeed()
	f.writeMax = 3 * time.Second
	for i := range revocations {
		f.revoke("ak_"+strconv.Itoa(i), 2)
	}
	address := f.serve(t)
	before := heap()
	for range lazy {
		c := connect(t, address, 0)
		if tcp, ok := c.(*net.TCPConn); !ok || tcp.SetReadBuffer(16<<10) != nil {
			t.Fatal("the connection's buffer can't be made small")
		}
	}
	await.Until(t, time.Minute, "all follow", func() bool { return f.listeners.count() == lazy })
	// One batch is buffered for each, some 100 KB, and more with the race detector; the whole feed would be megabytes.
	if grown := int64(heap()) - int64(before); grown > lazy*500<<10 {
		t.Errorf("%d bytes are kept for each", grown/lazy)
	}
	reading := bufio.NewScanner(connect(t, address, 0))
	for last := "id: " + strconv.Itoa(revocations); reading.Scan() && reading.Text() != last; {
	}
	if want := "id: " + strconv.Itoa(revocations); reading.Text() != want {
		t.Fatalf("a follower that reads got to %q, %v; want %q", reading.Text(), reading.Err(), want)
	}
	await.Until(t, time.Minute, "those who don't read are dropped", func() bool { return f.listeners.count() == 1 })
}

// replay reads a stream until its heartbeat, and adds the revocations to known.
func replay(address string, from int64, known map[string]int64) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/v1/revocations", nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Last-Event-ID", strconv.FormatInt(from, 10))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	position := from
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		var client string
		var generation int64
		switch line := lines.Text(); {
		case line == "event: position":
			return nil
		case line == "event: reset":
			return io.ErrUnexpectedEOF
		case strings.HasPrefix(line, "id: "):
			id, err := strconv.ParseInt(line[4:], 10, 64)
			if err != nil || id < position {
				return fmt.Errorf("the id %s after %d: %w", line[4:], position, err)
			}
			position = id
		case strings.HasPrefix(line, "data: {\"client_id\""):
			line = strings.NewReplacer(`data: {"client_id":"`, "", `","generation":`, " ", "}", "").Replace(line)
			if _, err := fmt.Sscan(line, &client, &generation); err != nil {
				return fmt.Errorf("%s: %w", line, err)
			}
			known[client] = max(known[client], generation)
		}
	}
	return io.ErrUnexpectedEOF
}

// TestStreamFromAnyPositionLeadsToTheSameState makes random changes and then follows from every position. The state at that
// position, together with what the stream adds, must be the current state.
func TestStreamFromAnyPositionLeadsToTheSameState(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFeed()
		server := httptest.NewServer(f.handler())
		defer server.Close()
		history := []map[string]int64{{}}
		for _, client := range rapid.SliceOfN(rapid.IntRange(-1, 4), 0, 3*streamChunk).Draw(rt, "clients") {
			next := map[string]int64{}
			for c, g := range history[len(history)-1] {
				next[c] = g
			}
			if client < 0 {
				f.somethingElse()
			} else {
				name := "ak_" + strconv.Itoa(client)
				next[name]++
				f.revoke(name, next[name])
			}
			history = append(history, next)
		}
		if rapid.Bool().Draw(rt, "purge") {
			f.set.Purge()
		}
		want := history[len(history)-1]
		for from := 0; from < len(history); from += rapid.IntRange(1, 20).Draw(rt, "step") {
			known := history[from]
			if err := replay(server.Listener.Addr().String(), int64(from), known); err != nil {
				rt.Fatalf("from %d: %v", from, err)
			}
			if fmt.Sprint(known) != fmt.Sprint(want) {
				rt.Fatalf("from %d: got %v, want %v", from, known, want)
			}
		}
	})
}

// BenchmarkIdleListener measures what an idle follower costs, and how much of that net/http takes for a handler that does nothing
// but wait.
func BenchmarkIdleListener(b *testing.B) {
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		if err := http.NewResponseController(w).Flush(); err != nil {
			b.Error(err)
		}
		<-r.Context().Done()
	})
	for name, handler := range map[string]http.Handler{"feed": newFeed().handler(), "net-http": bare} {
		b.Run(name, func(b *testing.B) {
			const listeners = 2000
			server := httptest.NewServer(handler)
			defer server.Close()
			for b.Loop() {
				before := inUse()
				connections := make([]net.Conn, listeners)
				one := make([]byte, 1)
				for i := range connections {
					connections[i] = connect(b, server.Listener.Addr().String(), 0)
					if _, err := connections[i].Read(one); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(inUse()-before)/listeners, "B/listener")
				for _, c := range connections {
					_ = c.Close()
				}
			}
		})
	}
}

// inUse returns the memory of the heap and of stacks.
func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
