package resourceservertest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/piercloud/apikeys/pkg/resourceserver"
)

// heartbeat is how long a stream is silent at most.
const heartbeat = 5 * time.Second

func (i *Issuer) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", i.serveMetadata)
	mux.HandleFunc("GET /.well-known/jwks.json", i.serveKeys)
	mux.HandleFunc("GET /v1/revocations", func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
			i.serveStream(w, r)
		} else {
			i.serveSnapshot(w, r)
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		i.requests[r.URL.Path]++
		down := i.down
		i.mu.Unlock()
		if down {
			panic(http.ErrAbortHandler)
		}
		mux.ServeHTTP(w, r)
	})
}

func (i *Issuer) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]any{
		"issuer":               i.url,
		"token_endpoint":       i.url + "/oauth2/token",
		"jwks_uri":             i.url + "/.well-known/jwks.json",
		"revocations_endpoint": i.url + "/v1/revocations",
	})
}

func (i *Issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	set := i.keys.publish()
	i.mu.Unlock()
	w.Header().Set("Cache-Control", "public, max-age=300")
	writeJSON(w, set)
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // fails only if the client has gone
}

func (i *Issuer) serveSnapshot(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	now := i.now()
	position := i.log.head()
	clients, tokens, keys := i.log.revoked(now.Add(-resourceserver.LifespanMax - time.Hour))
	key := i.keys.current()
	i.mu.Unlock()

	etag := strconv.Quote(strconv.FormatUint(position, 10))
	w.Header().Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := key.signFlattened(
		map[string]any{"alg": "ES256", "kid": key.kid, "typ": "revocations+jwt"},
		map[string]any{"iss": i.url, "iat": now.Unix(), "seq": position, "clients": clients, "tokens": tokens, "keys": keys},
	)
	w.Header().Set("Content-Type", "application/jose+json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // as above
}

func (i *Issuer) serveStream(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	out := &stream{w: w, cutAfter: i.cutAfter}
	i.cutAfter = -1
	cut := i.log.cuts
	noStream, down := i.noStream, i.down
	position := i.log.head()
	i.mu.Unlock()
	if down { // since the request was admitted
		panic(http.ErrAbortHandler)
	}
	if noStream {
		http.Error(w, "no stream here", http.StatusNotAcceptable)
		return
	}
	if last, err := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64); err == nil {
		position = last
	}
	w.Header().Set("Content-Type", "text/event-stream")
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	spoke := false
	for {
		i.mu.Lock()
		entries, ok := i.log.after(position)
		changed := i.log.changed
		i.mu.Unlock()
		if !ok {
			out.send("reset", position, nothing{})
			return
		}
		for _, entry := range entries {
			position++
			out.sendEntry(position, entry)
		}
		if !spoke {
			out.send("position", position, nothing{})
			spoke = true
		}
		select {
		case <-changed:
		case <-ticker.C:
			out.send("position", position, nothing{})
		case <-cut:
			panic(http.ErrAbortHandler)
		case <-r.Context().Done():
			return
		}
	}
}

// stream sends every message at once, and may break off in the middle of one.
type stream struct {
	w        http.ResponseWriter
	cutAfter int // bytes left; -1: unlimited
}

func (s *stream) sendEntry(position uint64, entry logEntry) {
	switch {
	case entry.clientID != "":
		s.send("revocation", position, map[string]any{"client_id": entry.clientID, "generation": entry.generation})
	case entry.keyID != "":
		s.send("revocation", position, map[string]any{"kid": entry.keyID})
	case entry.tokenID != "":
		s.send("revocation", position, map[string]any{"jti": entry.tokenID, "exp": entry.expires})
	default:
		s.send("position", position, nothing{})
	}
}

type nothing struct{}

func (s *stream) send(name string, position uint64, data any) {
	text, err := json.Marshal(data)
	must(err)
	message := fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", position, name, text)
	cut := s.cutAfter >= 0 && s.cutAfter <= len(message)
	if cut {
		message = message[:s.cutAfter]
	} else if s.cutAfter > 0 {
		s.cutAfter -= len(message)
	}
	_, _ = s.w.Write([]byte(message)) // a broken connection shows up in the request's context
	_ = http.NewResponseController(s.w).Flush()
	if cut {
		panic(http.ErrAbortHandler)
	}
}
