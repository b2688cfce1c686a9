package resourceserver_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/piercloud/apikeys/pkg/resourceserver"
	"github.com/piercloud/apikeys/pkg/resourceserver/resourceservertest"
)

const (
	keySetPath = "/.well-known/jwks.json"
	feedPath   = "/v1/revocations"
)

// heartbeat is a message that only shows that the stream is alive.
const heartbeat = "id: 0\nevent: position\ndata: {}\n\n"

// between is a network element that answers some requests for the feed and the keys itself. A request is passed on if its function
// is nil or returns nil.
type between struct {
	next     http.RoundTripper
	stream   func(*http.Request) *http.Response
	snapshot func(*http.Request) *http.Response
	keys     func(*http.Request) *http.Response
}

func (b *between) RoundTrip(r *http.Request) (*http.Response, error) {
	var answer func(*http.Request) *http.Response
	switch {
	case r.URL.Path == keySetPath:
		answer = b.keys
	case r.URL.Path != feedPath:
	case r.Header.Get("Accept") == "text/event-stream":
		answer = b.stream
	default:
		answer = b.snapshot
	}
	if answer != nil {
		if response := answer(r); response != nil {
			return response, nil
		}
	}
	return b.next.RoundTrip(r)
}

func answer(contentType string, body io.Reader) *http.Response {
	closer, ok := body.(io.ReadCloser)
	if !ok {
		closer = io.NopCloser(body)
	}
	return &http.Response{
		StatusCode: http.StatusOK, ContentLength: -1, Body: closer,
		Header: http.Header{"Content-Type": {contentType}},
	}
}

// buffered answers like a proxy that holds a stream back until it ends.
func buffered(r *http.Request) *http.Response {
	in, out := io.Pipe()
	context.AfterFunc(r.Context(), func() { _ = out.CloseWithError(r.Context().Err()) })
	return answer("text/event-stream", in)
}

func TestProxyThatBuffersTheStreamCostsAPollInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory())
		verifier := issuer.NewVerifier(t, resourceserver.Options{
			HTTPClient: &http.Client{Transport: &between{next: issuer.Client().Transport, stream: buffered}},
		})
		for range 50 {
			let(3 * time.Second)
			token := issuer.Token()
			if _, err := verifier.Verify(t.Context(), token); err != nil {
				t.Fatalf("after %+v: %v", verifier.FeedStatus(), err)
			}
			issuer.RevokeToken(token)
			let(time.Second)
			_, err := verifier.Verify(t.Context(), token)
			wantError(t, err, resourceserver.ErrRevoked)
		}
	})
}

// TestAStreamThatDiesWithoutAWordIsLeft: a stream that goes silent without being closed, for instance because a proxy hangs, must
// be given up, because the snapshot is not read as long as a stream is trusted.
func TestAStreamThatDiesWithoutAWordIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory())
		streamed, stream := io.Pipe()
		verifier := issuer.NewVerifier(t, resourceserver.Options{HTTPClient: &http.Client{Transport: &between{
			next:   issuer.Client().Transport,
			stream: func(*http.Request) *http.Response { return answer("text/event-stream", streamed) },
		}}})
		_, _ = io.WriteString(stream, heartbeat)
		let(resourceserver.FeedLossMaxDefault + time.Second)
		token := issuer.Token()
		if _, err := verifier.Verify(t.Context(), token); err != nil {
			t.Fatalf("after %+v: %v", verifier.FeedStatus(), err)
		}
		issuer.RevokeToken(token)
		let(time.Second)
		_, err := verifier.Verify(t.Context(), token)
		wantError(t, err, resourceserver.ErrRevoked)
	})
}

// TestCloseEndsAStreamThatDoesNotKnowOfItsRequest: the end of a request does not end the body of a response that a transport has
// made up itself.
func TestCloseEndsAStreamThatDoesNotKnowOfItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory())
		verifier := issuer.NewVerifier(t, resourceserver.Options{HTTPClient: &http.Client{Transport: &between{
			next: issuer.Client().Transport,
			stream: func(*http.Request) *http.Response {
				in, _ := io.Pipe()
				return answer("text/event-stream", in)
			},
		}}})
		synctest.Wait()
		verifier.Close()
	})
}

func TestStreamThatTalksNonsenseIsLeftForASnapshot(t *testing.T) {
	tests := map[string]string{
		"broken JSON":          "id: 1000\nevent: revocation\ndata: {\"client_id\":\n\n",
		"another type":         "id: 1000\nevent: revocation\ndata: {\"client_id\":\"ak_x\",\"generation\":\"4\"}\n\n",
		"revocation of none":   "id: 1000\nevent: revocation\ndata: {}\n\n",
		"revocation, no data":  "id: 1000\nevent: revocation\n\n",
		"no id":                "event: revocation\ndata: {\"client_id\":\"ak_x\",\"generation\":4}\n\n",
		"id that is no number": "id: x\nevent: position\ndata: {}\n\n",
		"negative id":          "id: -1\nevent: position\ndata: {}\n\n",
		"endless message":      "id: 1000\ndata: " + strings.Repeat("x", 1<<20),
		"endless line":         strings.Repeat("x", 1<<20),
		"reset for ever":       "id: 1000\nevent: reset\ndata: {}\n\n",
		"HTML":                 "<!DOCTYPE html><title>Sign in</title>\n\n",
		"nothing":              "",
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory())
				var streams atomic.Int64
				verifier := issuer.NewVerifier(t, resourceserver.Options{HTTPClient: &http.Client{Transport: &between{
					next: issuer.Client().Transport,
					stream: func(*http.Request) *http.Response {
						streams.Add(1)
						return answer("text/event-stream; charset=utf-8", strings.NewReader(body))
					},
				}}})
				let(time.Minute)
				if streams := streams.Load(); streams > 40 {
					t.Errorf("%d attempts within a minute: no back-off", streams)
				}
				token := issuer.Token()
				if _, err := verifier.Verify(t.Context(), token); err != nil {
					t.Error(err)
				}
				position := issuer.RevokeToken(token)
				let(time.Second)
				_, err := verifier.Verify(t.Context(), token)
				wantError(t, err, resourceserver.ErrRevoked)
				if got := verifier.FeedStatus().Position; got != position {
					t.Errorf("got position %d, want %d", got, position)
				}
			})
		})
	}
}

// flatten turns a compact JWS into the flattened JSON serialization, with its members in the given order.
func flatten(token, order string) string {
	parts := strings.Split(token, ".")
	members := map[rune]string{
		'h': fmt.Sprintf("%q : %q", "protected", parts[0]),
		'p': fmt.Sprintf("%q:%q", "payload", parts[1]),
		's': fmt.Sprintf("%q:\n%q", "signature", parts[2]),
	}
	var list []string
	for _, member := range order {
		list = append(list, members[member])
	}
	return "{ " + strings.Join(list, " ,\t") + " }\n"
}

func TestSnapshotIsBelievedOnlyWithTheIssuersSignature(t *testing.T) {
	synctest.Test(t, testSnapshotIsBelievedOnlyWithTheIssuersSignature) // New may try again
}

func testSnapshotIsBelievedOnlyWithTheIssuersSignature(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory())
	stranger := resourceservertest.NewIssuer(t, resourceservertest.InMemory())
	header := claims{"typ": "revocations+jwt"}
	content := claims{"clients": claims{resourceservertest.ClientID: 5}, "tokens": nil, "seq": 7, "iss": issuer.URL()}
	good := issuer.SignToken(header, content)
	parts := strings.Split(good, ".")
	changed := parts[0] + "." + strings.Split(issuer.SignToken(header, content, claims{"seq": 8}), ".")[1] + "." + parts[2]

	tests := map[string]struct {
		body string
		want string // part of the error; empty for success
	}{
		"header first":         {flatten(good, "hps"), ""},
		"payload first":        {flatten(good, "phs"), ""},
		"signature first":      {flatten(good, "sph"), ""},
		"no clients":           {flatten(issuer.SignToken(header, content, claims{"clients": nil}), "hps"), ""},
		"changed payload":      {flatten(changed, "hps"), "signature"},
		"a stranger's":         {flatten(stranger.SignToken(header, content), "hps"), "unknown signing key"},
		"an access token":      {flatten(issuer.Token(content), "hps"), "not an access token"},
		"unsigned":             {flatten(issuer.SignToken(claims{"typ": "revocations+jwt", "alg": "none"}, content), "hps"), "algorithm"},
		"another issuer's":     {flatten(issuer.SignToken(header, content, claims{"iss": "https://other.example"}), "hps"), "wrong issuer"},
		"no position":          {flatten(issuer.SignToken(header, content, claims{"seq": nil}), "hps"), "no seq"},
		"generation as a text": {flatten(issuer.SignToken(header, content, claims{"clients": claims{"ak_x": "5"}}), "hps"), "payload"},
		"clients as a list":    {flatten(issuer.SignToken(header, content, claims{"clients": []int{1}}), "hps"), "payload"},
		"no signature":         {flatten(good, "hp"), "flattened"},
		"two payloads":         {flatten(good, "hpps"), "flattened"},
		"compact":              {good, "flattened"},
		"cut":                  {flatten(good, "hps")[:100], "flattened"},
		"empty":                {"", "flattened"},
	}
	for name, test := range tests {
		verifier, err := resourceserver.New(t.Context(), issuer.URL(), resourceserver.Options{
			HTTPClient: &http.Client{Transport: &between{
				next:   issuer.Client().Transport,
				stream: buffered,
				snapshot: func(*http.Request) *http.Response {
					return answer("application/jose+json", strings.NewReader(test.body))
				},
			}},
		})
		if test.want != "" {
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: got %v, want it to say %q", name, err, test.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := verifier.FeedStatus().Position; got != 7 {
			t.Errorf("%s: got position %d", name, got)
		}
		verifier.Close()
	}
}
