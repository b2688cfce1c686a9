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

// takenOver is a connection that net/http has let go of, and the head of the response, which is still to be sent.
type takenOver struct {
	net.Conn
	head []byte
}

// takeOver has the connection of a request leave net/http, whose buffers and stacks are most of what a follower costs that waits
// (decision 14). The response ends with the connection, and Shutdown does not wait for it. Errors: http.ErrNotSupported where a
// connection carries several requests (HTTP/2) or there is none: then the response is to be written as usual.
func takeOver(c echo.Context) (*takenOver, error) {
	response := c.Response()
	conn, _, err := http.NewResponseController(response).Hijack()
	if err != nil {
		return nil, err
	}
	response.Status, response.Committed = http.StatusOK, true // for the log, and so that nobody else answers
	h := response.Header()
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	h.Set("Connection", "close")
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	if err := h.Write(&head); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("write the head: %w", err)
	}
	head.WriteString("\r\n")
	if err := conn.SetDeadline(time.Time{}); err != nil { // those of net/http
		_ = conn.Close()
		return nil, fmt.Errorf("take the connection over: %w", err)
	}
	return &takenOver{conn, head.Bytes()}, nil
}

// attend serves a follower whose connection was taken over, and closes it. Nobody else would catch a panic here.
func (r revocationRoutes) attend(conn *takenOver, address netip.Addr, cursor int64) {
	defer func() {
		_ = conn.Close()
		r.leave(address)
		if cause := recover(); cause != nil {
			slog.Error("telling a follower of revocations panicked", "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
		}
	}()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		var ignored [64]byte // a follower has nothing to say, but that it goes
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
