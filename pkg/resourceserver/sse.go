package resourceserver

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// eventMax bounds one message of the stream; the feed's messages have about a hundred bytes.
const eventMax = 64 << 10

var errEventTooLarge = errors.New("message of the event stream is too large")

// event is one complete message of an event stream.
type event struct {
	id   string // of this message; empty if it has none
	name string
	data []byte // valid until next is called again
}

// eventReader reads a text/event-stream (WHATWG HTML §9.2.6): lines end in LF, CR or CRLF, a message ends with an empty line, and
// a message left incomplete at the end of the stream is discarded. Unlike a browser, it also returns messages without data,
// because an ID alone is a position.
type eventReader struct {
	in     *bufio.Reader
	line   []byte
	data   []byte
	read   int  // bytes of the current message
	wasCR  bool // an LF that follows belongs to the line just ended
	inside bool // past the byte order mark that the stream may begin with
}

func newEventReader(in io.Reader) *eventReader {
	return &eventReader{in: bufio.NewReaderSize(in, 1024)}
}

// next returns the next complete message. Errors: io.EOF at the end, even in the middle of a message; errEventTooLarge; the
// underlying reader's.
func (r *eventReader) next() (event, error) {
	var e event
	r.data, r.read = r.data[:0], 0
	hasData, hasField := false, false
	for {
		line, err := r.readLine()
		if err != nil {
			return event{}, err
		}
		if len(line) == 0 {
			if !hasField {
				r.read = 0 // comments may go on forever
				continue
			}
			e.data = r.data
			return e, nil
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "id":
			if !bytes.ContainsRune(value, 0) {
				e.id, hasField = string(value), true
			}
		case "event":
			e.name, hasField = string(value), true
		case "data":
			if hasData {
				r.data = append(r.data, '\n')
			}
			r.data = append(r.data, value...)
			hasData, hasField = true, true
		}
	}
}

// readLine returns a line without its terminator as soon as that has arrived: after a CR it does not wait for an LF.
func (r *eventReader) readLine() ([]byte, error) {
	r.line = r.line[:0]
	for {
		c, err := r.in.ReadByte()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil, io.EOF
			}
			return nil, fmt.Errorf("read the event stream: %w", err)
		}
		wasCR := r.wasCR
		r.wasCR = c == '\r'
		if c == '\n' && wasCR {
			continue
		}
		if c == '\n' || c == '\r' {
			if !r.inside {
				r.inside = true
				r.line = bytes.TrimPrefix(r.line, []byte("\xef\xbb\xbf"))
			}
			return r.line, nil
		}
		if r.read++; r.read > eventMax {
			return nil, errEventTooLarge
		}
		r.line = append(r.line, c)
	}
}
