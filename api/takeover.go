package api

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"
)

// takenOver is a connection that was taken over from net/http, and the head of the response, which is still to be sent.
type takenOver struct {
	net.Conn
	head []byte
}

// takeOver takes the connection of a request away from net/http, whose buffers and stacks make up most of what an idle follower
// costs (decision 14). The response ends when the connection does, and Shutdown does not wait for it. Errors:
// http.ErrNotSupported if the connection carries several requests (HTTP/2), or if there is no connection. The response must then
// be written as usual.
func takeOver(c echo.Context) (*takenOver, error) {
	response := c.Response()
	conn, _, err := http.NewResponseController(response).Hijack()
	if err != nil {
		return nil, err
	}
	response.Status, response.Committed = http.StatusOK, true // for the log, and so that nothing else answers
	h := response.Header()
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	h.Set("Connection", "close")
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	if err := h.Write(&head); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("write the response head: %w", err)
	}
	head.WriteString("\r\n")
	if err := conn.SetDeadline(time.Time{}); err != nil { // removes the deadlines of net/http
		_ = conn.Close()
		return nil, fmt.Errorf("take over the connection: %w", err)
	}
	return &takenOver{conn, head.Bytes()}, nil
}

// attend serves a follower whose connection was taken over, and closes the connection. It must catch panics itself, since
// net/http no longer does.
func (r revocationRoutes) attend(conn *takenOver, address netip.Addr, cursor int64) {
	defer func() {
		_ = conn.Close()
		r.leave(address)
		if cause := recover(); cause != nil {
			slog.Error("streaming revocations to a follower panicked", "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
		}
	}()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		var ignored [64]byte // a follower sends nothing; a read only tells when it has gone
		for {
			if _, err := conn.Read(ignored[:]); err != nil {
				return
			}
		}
	}()
	r.tell(&eventWriter{send: func(text []byte) error {
		if err := conn.SetWriteDeadline(time.Now().Add(r.writeMax)); err != nil {
			return err
		}
		if conn.head != nil {
			text, conn.head = append(conn.head, text...), nil
		}
		if len(text) == 0 {
			return nil
		}
		_, err := conn.Write(text)
		return err
	}}, cursor, gone)
}
