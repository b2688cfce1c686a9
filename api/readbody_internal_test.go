package api

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// TestRoomIsMadeForWhatArrives: memory is allocated for the bytes that arrive, not for the announced Content-Length, which costs a
// caller nothing.
func TestRoomIsMadeForWhatArrives(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const requests = 100
	for range requests {
		body, err := readBody(&http.Request{ContentLength: bodyMax, Body: io.NopCloser(strings.NewReader("x"))})
		if err != nil || string(body) != "x" {
			t.Fatalf("read %q, %v", body, err)
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / requests; each > 2*believedMax {
		t.Errorf("%d bytes for each", each)
	}
}
