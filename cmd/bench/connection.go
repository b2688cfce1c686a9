package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// answerMax bounds an answer, including its head, in bytes.
const answerMax = 64 << 10

// exchangeTimeout is far longer than any request takes. A server that hangs must not hang the benchmark.
const exchangeTimeout = 30 * time.Second

// connection sends encoded requests, and looks only at the status and the end of an answer. It reads one answer before it sends
// the next request, so it does no pipelining (RFC 9112 §9.3.2). It costs a fraction of net/http's client, which leaves the
// processor to the server under test.
type connection struct {
	conn net.Conn
	room []byte
}

func dial(ctx context.Context, address string) (*connection, error) {
	conn, err := (&net.Dialer{Timeout: exchangeTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{conn: conn, room: make([]byte, answerMax)}, nil
}

func (c *connection) close() { _ = c.conn.Close() } // nothing is in transit

var (
	headEnd       = []byte("\r\n\r\n")
	contentLength = []byte("\r\nContent-Length: ")
)

// errAnswer says that an answer is not the expected one.
var errAnswer = errors.New("unexpected answer")

// exchange sends a request and returns the status and the body of its answer. The body is valid until the next exchange.
func (c *connection) exchange(request []byte) (status int, body []byte, err error) {
	if _, err := c.conn.Write(request); err != nil {
		return 0, nil, err
	}
	for read := 0; read < len(c.room); {
		n, err := c.conn.Read(c.room[read:])
		if err != nil {
			return 0, nil, err
		}
		read += n
		if status, body, whole, err := parseAnswer(c.room[:read]); whole || err != nil {
			return status, body, err
		}
	}
	return 0, nil, fmt.Errorf("%w: more than %d bytes", errAnswer, len(c.room))
}

// parseAnswer returns the status and body of an answer once all of it has been received.
func parseAnswer(received []byte) (status int, body []byte, whole bool, err error) {
	head, rest, ended := bytes.Cut(received, headEnd)
	if !ended {
		return 0, nil, false, nil
	}
	length, err := bodyLength(head)
	if err != nil || len(rest) < length {
		return 0, nil, false, err
	}
	status, err = strconv.Atoi(string(head[len("HTTP/1.1 "):len("HTTP/1.1 200")]))
	return status, rest[:length], true, err
}

// bodyLength returns the Content-Length of an answer.
func bodyLength(head []byte) (int, error) {
	if len(head) < len("HTTP/1.1 200") {
		return 0, fmt.Errorf("%w: %q", errAnswer, head)
	}
	_, after, ok := bytes.Cut(head, contentLength)
	if !ok {
		return 0, fmt.Errorf("%w without a length: %q", errAnswer, head)
	}
	digits, _, _ := bytes.Cut(after, []byte("\r"))
	length, err := strconv.Atoi(string(digits))
	if err != nil {
		return 0, fmt.Errorf("%w: %q", errAnswer, head)
	}
	return length, nil
}

// want is exchange for a request that must be answered with a given status.
func (c *connection) want(request []byte, wanted int) ([]byte, error) {
	status, body, err := c.exchange(request)
	if err == nil && status != wanted {
		err = fmt.Errorf("%w: %d %s, not %d", errAnswer, status, body, wanted)
	}
	return body, err
}

// encode returns a request as it is sent. headers alternates names and values.
func encode(method, path, body string, headers ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path)
	for i := 0; i+1 < len(headers); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", headers[i], headers[i+1])
	}
	if method != "GET" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	fmt.Fprintf(&b, "\r\n%s", body)
	return b.Bytes()
}
