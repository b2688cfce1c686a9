package app

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// gatherTime is how long a plain line of the log may wait for others.
	gatherTime = 50 * time.Millisecond
	// gatherMax is how many bytes may wait. Beyond that, whoever logs waits until the log has been written.
	gatherMax = 1 << 20
	// readerPatience is how long whoever logs waits for that. A log that nobody reads loses lines, because it must not stop the
	// service.
	readerPatience = time.Second
	// lineRoom is the size of most lines, in bytes. The memory of longer lines is not reused.
	lineRoom = 512
)

// Lines gathers lines of a log and writes many of them at once. Every request logs a line. Writing each one separately took a
// fifth of the time of a quick request, under a lock that made requests wait for each other's system calls. Adding a line takes
// no lock. Lines stay in the order in which they were added. It is safe for concurrent use.
//
// Only lines that report nothing wrong are gathered: [Lines.Write] first writes what was gathered and then its own text, at once.
// If the process is killed, the gathered lines are lost: at most those of the last 50 ms. While a write takes longer than a
// second, all lines are gathered, and those for which there is no room are dropped and counted.
type Lines struct {
	to      io.Writer
	newest  atomic.Pointer[line]
	waiting atomic.Int64 // bytes
	room    sync.Pool
	began   atomic.Pointer[time.Time] // when the write in progress began; nil if there is none
	dropped atomic.Int64              // lines
	tell    func(dropped int64)       // is told of dropped lines, after the write that held them up; may be nil

	writing chan struct{} // has an entry while somebody writes; guards to and the fields below
	batch   []*line
	text    []byte
	told    int64 // the part of dropped that tell knows
}

// line is a line that waits, and the one before it.
type line struct {
	text   []byte
	before *line
}

// NewLines returns a writer of lines. Call [Lines.Flush] at the end.
func NewLines(to io.Writer) *Lines {
	return &Lines{to: to, room: sync.Pool{New: func() any { return &line{text: make([]byte, 0, lineRoom)} }}, writing: make(chan struct{}, 1)}
}

// Dropped returns how many lines were dropped because the log could not be written to.
func (l *Lines) Dropped() int64 { return l.dropped.Load() }

// take returns an empty line. Pass it to add or to give.
func (l *Lines) take() *line {
	taken, _ := l.room.Get().(*line)
	return taken
}

func (l *Lines) give(back *line) {
	if cap(back.text) <= lineRoom {
		back.text, back.before = back.text[:0], nil
		l.room.Put(back)
	}
}

// add appends a line if there is room. Whoever adds the first line makes sure that they are written.
func (l *Lines) add(added *line) {
	for l.waiting.Load() > gatherMax {
		if !l.Flush() {
			l.dropped.Add(1)
			l.give(added)
			return
		}
	}
	l.waiting.Add(int64(len(added.text)))
	before := l.newest.Load()
	for added.before = before; !l.newest.CompareAndSwap(before, added); added.before = before {
		before = l.newest.Load()
	}
	// From here on the line belongs to whoever writes it.
	if before == nil {
		time.AfterFunc(gatherTime, l.flush)
	}
}

// Flush writes what was gathered, and reports whether it has finished. It waits for a second at most, and not at all while an
// earlier write has already taken that long; the writing then goes on without the caller. It does not report errors: if the log
// can't be written to, there is nobody to tell.
func (l *Lines) Flush() (done bool) {
	if began := l.began.Load(); began != nil && time.Since(*began) > readerPatience {
		return false
	}
	written := make(chan struct{})
	go func() {
		l.flush()
		close(written)
	}()
	patience := time.NewTimer(readerPatience)
	defer patience.Stop()
	select {
	case <-written:
		return true
	case <-patience.C:
		return false
	}
}

// Write writes what was gathered and then p, at once, within the limits of [Lines.Flush]. It returns no error.
func (l *Lines) Write(p []byte) (int, error) {
	room := l.take()
	room.text = append(room.text, p...)
	l.add(room)
	l.Flush()
	return len(p), nil
}

// flush writes what was gathered, however long that takes.
func (l *Lines) flush() {
	l.writing <- struct{}{}
	l.write()
	dropped := l.dropped.Load() - l.told
	l.told += dropped
	<-l.writing
	if dropped > 0 && l.tell != nil {
		go l.tell(dropped) // it logs, and so might wait for this very flush
	}
}

// write may be called by only one goroutine at a time.
func (l *Lines) write() {
	l.batch, l.text = l.batch[:0], l.text[:0]
	for one := l.newest.Swap(nil); one != nil; one = one.before {
		l.batch = append(l.batch, one)
	}
	for _, one := range slices.Backward(l.batch) {
		l.text = append(l.text, one.text...)
	}
	l.waiting.Add(-int64(len(l.text)))
	for i, one := range l.batch {
		l.give(one)
		l.batch[i] = nil
	}
	if len(l.text) == 0 {
		return
	}
	began := time.Now()
	l.began.Store(&began)
	_, _ = l.to.Write(l.text) // there is nobody to report an error to
	l.began.Store(nil)
}

// lineHandler is the service's slog.Handler. For JSON, it has a fast path for nearly all lines of a busy service: those that
// report nothing wrong and are plain, as [appendPlain] defines it.
type lineHandler struct {
	slog.Handler // writes to lines
	lines        *Lines
	json         bool
	given        []byte // the attributes of WithAttrs, as they appear in a line
}

// Handle implements slog.Handler.
func (h *lineHandler) Handle(ctx context.Context, r slog.Record) error {
	if h.json && r.Level <= slog.LevelInfo {
		room := h.lines.take()
		if text, ok := appendPlain(room.text, h.given, r); ok {
			room.text = text
			h.lines.add(room)
			return nil
		}
		h.lines.give(room)
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler. If one of the attributes is not plain, no line takes the fast path.
func (h *lineHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	next, given := h.Handler.WithAttrs(attributes), slices.Clip(h.given)
	for _, a := range attributes {
		var plain bool
		if given, plain = appendAttribute(given, a); !plain {
			return next
		}
	}
	return &lineHandler{next, h.lines, h.json, given}
}

// appendPlain appends a record exactly as slog's handler and redact do, if the record is plain: its attributes are numbers,
// durations, and texts that need no escapes and can't hold a secret. given are the attributes that come first, as they appear in
// a line.
func appendPlain(b, given []byte, r slog.Record) (text []byte, plain bool) {
	if !isPlain(r.Message) {
		return b, false
	}
	b = append(b, `{"time":"`...)
	b = appendTime(b, r.Time)
	b = append(b, `","level":"`...)
	b = append(b, r.Level.String()...)
	b = append(b, `","msg":"`...)
	b = append(b, r.Message...)
	b = append(b, '"')
	b = append(b, given...)
	plain = true
	r.Attrs(func(a slog.Attr) bool {
		b, plain = appendAttribute(b, a)
		return plain
	})
	return append(b, "}\n"...), plain
}

// second is the text of all times within one second and location: what comes before and after the fraction.
type second struct {
	unix        int64
	place       *time.Location
	until, zone string
}

// present is the second of the time that was written last. All lines of a second share it.
var present atomic.Pointer[second]

// appendTime appends a time in the form of time.RFC3339Nano.
func appendTime(b []byte, t time.Time) []byte {
	s := present.Load()
	if s == nil || s.unix != t.Unix() || s.place != t.Location() {
		s = &second{t.Unix(), t.Location(), t.Format("2006-01-02T15:04:05"), t.Format("Z07:00")}
		present.Store(s)
	}
	b = append(b, s.until...)
	b = appendFraction(b, t.Nanosecond(), len("999999999"))
	return append(b, s.zone...)
}

// appendFraction appends the point and the decimals of a number, without zeros at the end. fraction is these decimals as an
// integer, and digits is how many there are.
func appendFraction(b []byte, fraction, digits int) []byte {
	if fraction == 0 {
		return b
	}
	b = append(b, ".000000000"[:1+digits]...)
	for i := len(b) - 1; fraction > 0; i, fraction = i-1, fraction/10 {
		b[i] += byte(fraction % 10)
	}
	return bytes.TrimRight(b, "0")
}

// appendNumber appends a number without an exponent, in the fewest digits that identify it. Milliseconds with at most three
// decimals take a fast path, which is exact because different numbers of at most nine digits are different floats.
func appendNumber(b []byte, value float64) []byte {
	if value > 0 && value < 1e6 {
		if thousandths := int(value*1000 + .5); float64(thousandths)/1000 == value {
			return appendFraction(strconv.AppendInt(b, int64(thousandths/1000), 10), thousandths%1000, len("999"))
		}
	}
	return strconv.AppendFloat(b, value, 'f', -1, 64)
}

// appendAttribute appends an attribute of a line, and reports whether it is plain.
func appendAttribute(b []byte, a slog.Attr) (text []byte, plain bool) {
	if !isPlain(a.Key) || slices.Contains(secretAttributes, strings.ToLower(a.Key)) {
		return b, false
	}
	b = append(b, `,"`...)
	b = append(b, a.Key...)
	b = append(b, `":`...)
	switch a.Value.Kind() {
	case slog.KindString:
		value := a.Value.String()
		b = append(b, '"')
		b = append(b, value...)
		return append(b, '"'), isPlain(value)
	case slog.KindInt64:
		return strconv.AppendInt(b, a.Value.Int64(), 10), true
	case slog.KindDuration:
		return strconv.AppendInt(b, int64(a.Value.Duration()), 10), true
	case slog.KindFloat64:
		value := a.Value.Float64()
		// slog writes others with an exponent.
		return appendNumber(b, value), value == 0 || value >= 1e-6 && value < 1e21
	default:
		return b, false
	}
}

// isPlain reports whether a text needs no escapes in JSON and holds no secret. It looks at each character only once, and
// therefore rejects some harmless texts: those with the least that every secret contains, see [mayHoldSecret].
func isPlain(text string) bool {
	for i := range len(text) {
		switch kinds[text[i]] {
		case special:
			return false
		case inSecrets:
			if pair := text[max(0, i-1) : i+1]; pair == "s_" || pair == "yJ" {
				return false
			}
		}
	}
	return text != ""
}

// kinds are the kinds of characters, by their code.
var kinds = func() (kinds [256]byte) {
	for c := range kinds {
		if c <= ' ' || c > '~' {
			kinds[c] = special
		}
	}
	kinds['"'], kinds['\\'], kinds['_'], kinds['J'] = special, special, inSecrets, inSecrets
	return kinds
}()

const (
	special   = 1 // must be escaped, or may be a part of what a pattern of secrets matches
	inSecrets = 2 // ends the text that every secret contains: aks_ or eyJ
)
