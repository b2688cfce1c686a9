package api

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/await"
)

// opened connects to the feed and reads the head of the response.
func opened(t *testing.T, address string) (net.Conn, *http.Response) {
	t.Helper()
	c := connect(t, address, 0)
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return c, response
}

func TestTakenOverStreamHasTheHeadersOfEveryResponse(t *testing.T) {
	f := newFeed()
	_, response := opened(t, f.serve(t))
	h := response.Header
	for name, want := range map[string]string{
		"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff",
		"Referrer-Policy": "no-referrer", "Content-Security-Policy": headerNoFrames[0],
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if _, err := http.ParseTime(h.Get("Date")); err != nil || h.Get("X-Request-Id") == "" {
		t.Errorf("the headers are %v", h)
	}
	// The response ends with its connection, so no header may frame its body.
	if response.StatusCode != http.StatusOK || !response.Close || response.ContentLength != -1 || len(response.TransferEncoding) > 0 {
		t.Errorf("the response is %+v", response)
	}
	if line, err := bufio.NewReader(response.Body).ReadString('\n'); err != nil || line != "id: 0\n" {
		t.Errorf("the body begins with %q, %v", line, err)
	}
}

// TestFollowerThatGoesAwayIsNoticedAtOnce, also one that has sent something before.
func TestFollowerThatGoesAwayIsNoticedAtOnce(t *testing.T) {
	f := newFeed()
	f.stale.Store(true) // no heartbeat would fail
	c, _ := opened(t, f.serve(t))
	if _, err := io.WriteString(c, strings.Repeat("GET / HTTP/1.1\r\n\r\n", 100)); err != nil {
		t.Fatal(err)
	}
	if f.listeners.count() != 1 {
		t.Errorf("%d follow", f.listeners.count())
	}
	_ = c.Close()
	await.Until(t, time.Minute, "it is noticed", func() bool { return f.listeners.count() == 0 })
}

// TestShutdownEndsStreamsAndDoesNotWaitForThem does what the service does when it stops.
func TestShutdownEndsStreamsAndDoesNotWaitForThem(t *testing.T) {
	f := newFeed()
	server := httptest.NewServer(f.handler())
	defer server.Close()
	_, response := opened(t, server.Listener.Addr().String())
	close(f.stop)
	if err := server.Config.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Errorf("the stream ended with %v", err)
	}
	await.Until(t, time.Minute, "nobody follows", func() bool { return f.listeners.count() == 0 })
}

// TestStreamIsServedOverTLSWithBothVersionsOfHTTP: the service takes over connections of HTTP/1.1, but not of HTTP/2.
func TestStreamIsServedOverTLSWithBothVersionsOfHTTP(t *testing.T) {
	for version, enable := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		f := newFeed()
		server := httptest.NewUnstartedServer(f.handler())
		server.EnableHTTP2 = enable
		server.StartTLS()
		ctx, leave := context.WithTimeout(t.Context(), time.Minute)
		request := streamRequest(ctx, "")
		request.RequestURI = ""
		request.URL.Scheme, request.URL.Host = "https", server.Listener.Addr().String()
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(response.Body).ReadString('\n'); response.Proto != version || err != nil || line != "id: 0\n" {
			t.Errorf("%s: got %s, and %q, %v", version, response.Proto, line, err)
		}
		leave()
		_ = response.Body.Close()
		await.Until(t, time.Minute, "it is noticed", func() bool { return f.listeners.count() == 0 })
		server.Close()
	}
}

// TestListenerThatWaitsCostsAFewKilobytes measures the memory of both ends of a connection. With net/http it would be 27 KB.
func TestListenerThatWaitsCostsAFewKilobytes(t *testing.T) {
	const listeners, most = 500, 18 << 10 // the race detector adds a third
	f := newFeed()
	address := f.serve(t)
	before := inUse()
	for range listeners {
		if _, err := connect(t, address, 0).Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	await.Until(t, time.Minute, "all wait", func() bool { return f.listeners.count() == listeners })
	if each := int64(inUse()-before) / listeners; each > most {
		t.Errorf("%d bytes for each", each)
	}
}

// TestTakingOverFailsWhereThereIsNoConnection: then the response is written as usual.
func TestTakingOverFailsWhereThereIsNoConnection(t *testing.T) {
	f := newFeed()
	if _, err := takeOver(f.echo.NewContext(streamRequest(t.Context(), ""), httptest.NewRecorder())); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("the error is %v", err)
	}
}
