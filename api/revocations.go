package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/revocation"
)

// The media types of the stream and of the snapshot.
const (
	eventStream       = "text/event-stream"
	signedRevocations = "application/jose+json"
)

// isStream reports whether an answer with these headers is the revocation stream.
func isStream(h http.Header) bool {
	mediaType := h[echo.HeaderContentType]
	return len(mediaType) > 0 && mediaType[0] == eventStream
}

// How the stream is served.
const (
	heartbeat       = 4 * time.Second  // less than the five seconds within which followers expect one
	streamWriteMax  = 10 * time.Second // a follower that reads nothing for this long is dropped
	streamChunk     = 64               // revocations written at once
	listenersMax    = 50_000           // streams of this process
	listenersMaxFor = 2_000            // streams of one address; many followers may share a gateway's
	// catchUpMax is how long this process waits to catch up with a follower that is ahead of it. The follower may come from another
	// replica, which has read the log a little earlier.
	catchUpMax = eventlog.StalenessMax
)

// revocationRoutes tell resource servers what was revoked. Like the key set, they are open to anyone: whoever can verify a token
// must be able to learn that it was revoked.
type revocationRoutes struct {
	set       *revocation.Set
	snapshots *revocation.Snapshots
	fresh     func() bool
	stopping  <-chan struct{}
	listeners *places[netip.Addr]
	writeMax  time.Duration // how long a follower may take to receive what is written to it
	observer  Observer      // nil if there is none
}

// revocationsPath is where the snapshot and the stream are.
const revocationsPath = "/v1/revocations"

func (r revocationRoutes) register(e *echo.Echo) { e.GET(revocationsPath, r.get) }

func (r revocationRoutes) get(c echo.Context) error {
	if wantsStream(c) {
		return r.stream(c)
	}
	return r.snapshot(c)
}

// wantsStream reports whether the caller names the stream and prefers it to the snapshot (RFC 9110 §12.5.1). Generated clients
// name both alike and wait for the end of the answer, so without a preference it is the snapshot.
func wantsStream(c echo.Context) bool {
	r := c.Request()
	return weight(r, echo.HeaderAccept, eventStream) > weight(r, echo.HeaderAccept, signedRevocations)
}

// snapshot answers with the signed set. Caches may store it, but must revalidate it every time. While the log can't be read, it
// answers neither 200 nor 304: followers would take either for news that nothing was revoked.
func (r revocationRoutes) snapshot(c echo.Context) error {
	if !r.fresh() {
		return apikey.ErrUnavailable
	}
	s, age, err := r.snapshots.Current(c.Request().Context())
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set(echo.HeaderCacheControl, "public, no-cache")
	h.Add(echo.HeaderVary, echo.HeaderAccept)
	h.Set("ETag", s.Tag)
	if age > 0 {
		h.Set("Age", strconv.Itoa(int(math.Ceil(age.Seconds())))) // RFC 9111 §5.1
	}
	if matchesTag(c.Request(), s.Tag) {
		return c.NoContent(http.StatusNotModified)
	}
	return c.Blob(http.StatusOK, signedRevocations, s.Body)
}

// stream sends revocations as they happen. It keeps nothing for a follower but its position: a follower that reads slowly gets
// later what it has missed, and one that does not read at all is dropped.
func (r revocationRoutes) stream(c echo.Context) error {
	address := limit.Address(c.RealIP())
	if !r.listeners.enter(address) {
		return throttledFault("Too many streams are open", heartbeat)
	}
	if r.observer != nil {
		r.observer.Listening(1)
	}
	cursor := r.set.Position()
	resumed := c.Request().Header.Get("Last-Event-ID")
	if resumed != "" {
		seq, err := strconv.ParseInt(resumed, 10, 64)
		if err != nil || seq < 0 {
			seq = 1<<63 - 1 // ahead of every log, so it is answered with a reset
		}
		cursor = seq
	}
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, eventStream)
	h.Set(echo.HeaderCacheControl, "no-cache")
	h.Add(echo.HeaderVary, echo.HeaderAccept)
	h.Set("X-Accel-Buffering", "no") // otherwise nginx would buffer the events
	conn, err := takeOver(c)
	switch {
	case err == nil:
		go r.attend(conn, address, cursor) // holds on to nothing of the request
		return nil
	case !errors.Is(err, http.ErrNotSupported):
		r.leave(address)
		return err
	}
	defer r.leave(address)
	control := http.NewResponseController(c.Response())
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	w := &eventWriter{send: func(text []byte) error {
		if err := control.SetWriteDeadline(time.Now().Add(r.writeMax)); err != nil {
			return err
		}
		if _, err := c.Response().Write(text); err != nil {
			return err
		}
		return control.Flush()
	}}
	c.Response().WriteHeader(http.StatusOK)
	r.tell(w, cursor, c.Request().Context().Done())
	return nil
}

func (r revocationRoutes) leave(address netip.Addr) {
	r.listeners.leave(address)
	if r.observer != nil {
		r.observer.Listening(-1)
	}
}

// tell writes to a follower from a position on, until it is gone or this process stops. It sends the headers at once, so that the
// follower knows that it is connected even while there is nothing to report.
func (r revocationRoutes) tell(w *eventWriter, cursor int64, gone <-chan struct{}) {
	if w.err = w.send(nil); w.err == nil && r.reach(gone, cursor) {
		r.follow(gone, w, cursor)
	}
}

// reach waits, for at most catchUpMax, until the set has come to a position. It returns false if the follower leaves or this
// process stops meanwhile.
func (r revocationRoutes) reach(gone <-chan struct{}, position int64) bool {
	for deadline := time.Now().Add(catchUpMax); r.set.Position() < position && time.Now().Before(deadline); {
		retry := time.NewTimer(catchUpMax / 10)
		select {
		case <-retry.C:
		case <-gone:
			retry.Stop()
			return false
		case <-r.stopping:
			retry.Stop()
			return false
		}
	}
	return true
}

// follow writes until the follower goes away or this process stops. It sends no heartbeats while the log can't be read, since
// followers would take them for news that nothing was revoked.
func (r revocationRoutes) follow(gone <-chan struct{}, w *eventWriter, cursor int64) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	due := true // the first heartbeat tells the follower where it is
	for {
		changed := r.set.Changed()
		revoked, upTo, ok := r.set.Since(cursor, streamChunk)
		if !ok {
			w.event("reset", upTo, struct{}{})
			w.flush()
			return
		}
		for _, entry := range revoked {
			w.revocation(entry)
		}
		cursor = upTo
		caughtUp := len(revoked) < streamChunk
		if caughtUp && due && r.fresh() {
			w.event("position", upTo, struct{}{})
		}
		w.flush()
		if w.err != nil {
			return
		}
		if !caughtUp {
			select {
			case <-gone:
				return
			case <-r.stopping: // the follower resumes elsewhere, from where it was
				return
			default:
				continue
			}
		}
		due = false
		select {
		case <-changed:
		case <-beat.C:
			due = true
		case <-gone:
			return
		case <-r.stopping:
			return
		}
	}
}

// eventWriter writes server-sent events and keeps the first error.
type eventWriter struct {
	send    func(text []byte) error // fails if the follower does not read
	pending []byte
	err     error
}

// revokedGeneration, revokedKey and revokedToken are the three forms of a revocation's data.
type (
	revokedGeneration struct {
		ClientID   string `json:"client_id"`
		Generation int64  `json:"generation"`
	}
	revokedKey struct {
		KID string `json:"kid"`
	}
	revokedToken struct {
		TokenID   string `json:"jti"`
		ExpiresAt int64  `json:"exp"`
	}
)

func (w *eventWriter) revocation(r revocation.Revocation) {
	if r.KID != "" {
		w.event("revocation", r.Seq, revokedKey{r.KID})
		return
	}
	if r.TokenID != "" {
		w.event("revocation", r.Seq, revokedToken{r.TokenID, r.ExpiresAt.Unix()})
		return
	}
	w.event("revocation", r.Seq, revokedGeneration{r.ClientID, r.Generation})
}

func (w *eventWriter) event(name string, id int64, data any) {
	encoded, err := json.Marshal(data)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.pending = fmt.Appendf(w.pending, "id: %d\nevent: %s\ndata: %s\n\n", id, name, encoded)
}

// flush sends what is pending, unless an earlier error has ended the stream.
func (w *eventWriter) flush() {
	if w.err != nil || len(w.pending) == 0 {
		return
	}
	w.err = w.send(w.pending)
	w.pending = nil // a follower is idle most of the time, and should cost little memory then
}
