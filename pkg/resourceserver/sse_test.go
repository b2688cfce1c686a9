package resourceserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func readEvents(in io.Reader) ([]string, error) {
	reader := newEventReader(in)
	var list []string
	for {
		e, err := reader.next()
		if err != nil {
			return list, err
		}
		list = append(list, fmt.Sprintf("%s|%s|%s", e.id, e.name, e.data))
	}
}

func TestEventReader(t *testing.T) {
	tests := map[string]struct {
		stream string
		want   []string
	}{
		"one":                   {"id: 1\nevent: a\ndata: {}\n\n", []string{"1|a|{}"}},
		"CRLF":                  {"id: 1\r\nevent: a\r\ndata: {}\r\n\r\nid: 2\r\n\r\n", []string{"1|a|{}", "2||"}},
		"CR":                    {"id: 1\revent: a\rdata: {}\r\r", []string{"1|a|{}"}},
		"byte order mark":       {"\ufeffid: 1\n\n", []string{"1||"}},
		"no space":              {"id:1\ndata:x\n\n", []string{"1||x"}},
		"two spaces":            {"data:  x\n\n", []string{"|| x"}},
		"several lines of data": {"data: a\ndata\ndata: b\n\n", []string{"||a\n\nb"}},
		"comments":              {": hello\n\n:\n\nid: 1\n: between\ndata: x\n\n", []string{"1||x"}},
		"unknown fields":        {"retry: 10\nfoo: bar\n\nid: 1\n\n", []string{"1||"}},
		"id of NUL":             {"id: 1\x00\n\nid: 2\n\n", []string{"2||"}},
		"ids aren't inherited":  {"id: 1\n\ndata: x\n\n", []string{"1||", "||x"}},
		"cut before the end":    {"id: 1\n\nid: 2\ndata: x\n", []string{"1||"}},
		"cut inside a number":   {"id: 1\n\nid: 2", []string{"1||"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(test.stream), iotest.OneByteReader(strings.NewReader(test.stream))} {
				got, err := readEvents(in)
				if !errors.Is(err, io.EOF) || !slices.Equal(got, test.want) {
					t.Errorf("got %q, %v", got, err)
				}
			}
		})
	}
}

func TestEventReaderDoesNotWaitForTheLineFeedAfterACarriageReturn(t *testing.T) {
	in, out := io.Pipe()
	defer in.Close()
	go func() { _, _ = out.Write([]byte("id: 1\r\n\r")) }()
	if e, err := newEventReader(in).next(); err != nil || e.id != "1" {
		t.Errorf("got %+v, %v", e, err)
	}
}

func TestCommentsMayGoOnForEver(t *testing.T) {
	stream := strings.Repeat(": keep alive\n\n", eventMax) + "id: 1\n\n"
	if got, err := readEvents(strings.NewReader(stream)); !errors.Is(err, io.EOF) || !slices.Equal(got, []string{"1||"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestAMessageIsBounded: a message that never ends must not take memory without limit.
func TestAMessageIsBounded(t *testing.T) {
	for _, piece := range []string{"x", "data: x\n", ": x\n"} {
		endless := io.LimitReader(repeated(piece), 100*eventMax)
		if got, err := readEvents(endless); !errors.Is(err, errEventTooLarge) || len(got) > 0 {
			t.Errorf("%q for ever: got %q, %v", piece, got, err)
		}
	}
}

// repeated is a reader of the same text over and over.
type repeated string

func (r repeated) Read(p []byte) (int, error) { return copy(p, r), nil }

// FuzzSSE: whatever arrives, and wherever it is cut, nothing panics, memory stays bounded, and a shorter stream yields a prefix
// of the messages of the longer one.
func FuzzSSE(f *testing.F) {
	for _, seed := range []string{
		"id: 1\nevent: revocation\ndata: {\"client_id\":\"ak_1\",\"generation\":4}\n\nid: 2\nevent: position\ndata: {}\n\n",
		"id: 1\r\n\r\nid: 2\r\n\r\n", "\r\r\n\n\r", ":\n\n", "data\n\n", "\ufeff\n", "id: \x00\n\n", "event: reset\ndata: {}\n\n",
	} {
		f.Add([]byte(seed), 10)
	}
	f.Fuzz(func(t *testing.T, stream []byte, cut int) {
		whole, err := readEvents(bytes.NewReader(stream))
		if !errors.Is(err, io.EOF) && !errors.Is(err, errEventTooLarge) {
			t.Fatalf("got %v", err)
		}
		cut = min(max(cut, 0), len(stream))
		part, _ := readEvents(iotest.OneByteReader(bytes.NewReader(stream[:cut])))
		if len(part) > len(whole) || !slices.Equal(part, whole[:len(part)]) {
			t.Errorf("the cut stream says %q, the whole one %q", part, whole)
		}
	})
}
