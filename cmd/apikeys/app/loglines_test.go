package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/pkg/apikey"
)

// written keeps what is written and counts the writes. It is safe for concurrent use.
type written struct {
	mu     sync.Mutex
	text   bytes.Buffer
	writes int
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes++
	return w.text.Write(p)
}

func (w *written) content() (text string, writes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String(), w.writes
}

var jsonLog = app.Config{LogLevel: "debug", LogFormat: "json"}

// TestGatheredLinesAreThoseOfSlog: lines of the fast path are the same, byte for byte.
func TestGatheredLinesAreThoseOfSlog(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.FixedZone("", 3600))
	secret := apikey.NewSecret()
	for message, attributes := range map[string][]slog.Attr{
		"request": {
			slog.String("method", "POST"), slog.String("route", "/oauth2/token"), slog.Int("status", 200), slog.Float64("duration_ms", 1.234),
			slog.String("ip", "2001:db8::1"), slog.String("request_id", "ABCDEFGH"),
		},
		"":            nil,
		"two words":   {slog.String("a", "b c")},
		`quo"te`:      {slog.String("a", `back\slash`), slog.String("b", "<&>")},
		"control":     {slog.String("a", "line\nbreak"), slog.String("b", "é"), slog.String("c", "\x7f"), slog.String("d", "")},
		"kinds":       {slog.Bool("a", true), slog.Float64("b", -1.5), slog.Float64("g", 1e-7), slog.Float64("h", 1e30), slog.Uint64("c", 1), slog.Time("d", at), slog.Any("e", errors.New("f"))},
		"numbers":     {slog.Float64("a", 0), slog.Float64("b", 1e-6), slog.Float64("c", 123456789.5), slog.Float64("d", 1e20)},
		"exponent":    {slog.Float64("a", 1e-7)},
		"infinite":    {slog.Float64("a", math.Inf(1))},
		"negative":    {slog.Int64("a", -1), slog.Duration("b", -time.Second)},
		"group":       {slog.Group("a", slog.String("b", "c"))},
		"secret":      {slog.String("a", secret)},
		secret:        nil,
		"names":       {slog.String("Password", "hunter2"), slog.Int("token", 12345)},
		`odd"name`:    {slog.String(`a"b`, "c")},
		"empty.group": {slog.Group("a")},
	} {
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelInfo - 1, slog.LevelWarn} {
			for given := range len(attributes) + 1 { // so many attributes are the logger's
				record := slog.NewRecord(at, level, message, 0)
				record.AddAttrs(attributes[given:]...)
				var want bytes.Buffer
				if err := app.NewLogger(jsonLog, &want).Handler().WithAttrs(attributes[:given]).Handle(t.Context(), record); err != nil {
					t.Fatal(err)
				}
				got := &written{}
				lines := app.NewLines(got)
				if err := app.NewLogger(jsonLog, lines).Handler().WithAttrs(attributes[:given]).Handle(t.Context(), record); err != nil {
					t.Fatal(err)
				}
				lines.Flush()
				if text, _ := got.content(); text != want.String() {
					t.Errorf("%v, %d\n%s, want\n%s", level, given, text, want.String())
				}
			}
		}
	}
}

// TestTimesAndNumbersAreThoseOfSlog: they have a fast path of their own.
func TestTimesAndNumbersAreThoseOfSlog(t *testing.T) {
	places := []*time.Location{time.UTC, time.Local, time.FixedZone("", -3*3600), time.FixedZone("", 5*3600+1800)}
	rapid.Check(t, func(r *rapid.T) {
		at := time.Unix(rapid.Int64Range(0, 3).Draw(r, "second"), rapid.Int64Range(0, 999).Draw(r, "part")*rapid.SampledFrom([]int64{1, 1000, 1e6}).Draw(r, "unit"))
		number := float64(rapid.Int64Range(0, 1e10).Draw(r, "number")) / rapid.SampledFrom([]float64{1, 7, 10, 1000, 1e4, -1000}).Draw(r, "divisor")
		record := slog.NewRecord(at.In(rapid.SampledFrom(places).Draw(r, "place")), slog.LevelInfo, "request", 0)
		record.AddAttrs(slog.Float64("duration_ms", number))
		var want, got bytes.Buffer
		lines := app.NewLines(&got)
		for _, to := range []io.Writer{&want, lines} {
			if err := app.NewLogger(jsonLog, to).Handler().Handle(t.Context(), record); err != nil {
				r.Fatal(err)
			}
		}
		lines.Flush()
		if got.String() != want.String() {
			r.Errorf("%s, want %s", got.String(), want.String())
		}
	})
}

// TestLogIsWrittenInItsOrder, even if only some of its lines are gathered. The lines of each of many concurrent goroutines stay in
// order, and none is lost or torn.
func TestLogIsWrittenInItsOrder(t *testing.T) {
	const goroutines, each = 8, 500
	out := &written{}
	lines := app.NewLines(out)
	log := app.NewLogger(jsonLog, lines)
	var group sync.WaitGroup
	for g := range goroutines {
		group.Go(func() {
			for i := range each {
				if i%50 == 0 {
					log.Warn("event", "goroutine", g, "number", i)
				} else {
					log.Info("event", "goroutine", g, "number", i)
				}
			}
		})
	}
	group.Wait()
	lines.Flush()
	text, writes := out.content()
	next := map[int]int{}
	for line := range strings.Lines(text) {
		var l struct{ Goroutine, Number int }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if l.Number != next[l.Goroutine] {
			t.Fatalf("%d of goroutine %d comes when %d is next", l.Number, l.Goroutine, next[l.Goroutine])
		}
		next[l.Goroutine]++
	}
	for g := range goroutines {
		if next[g] != each {
			t.Errorf("goroutine %d has %d lines of %d", g, next[g], each)
		}
	}
	if writes >= goroutines*each/2 {
		t.Errorf("%d lines took %d writes", goroutines*each, writes)
	}
}

func TestWarningsAreWrittenAtOnce(t *testing.T) {
	out := &written{}
	log := app.NewLogger(jsonLog, app.NewLines(out))
	log.Info("before")
	log.Warn("warning")
	text, _ := out.content()
	if !strings.Contains(text, "before") || !strings.HasSuffix(text, "\"msg\":\"warning\"}\n") {
		t.Errorf("written is %s", text)
	}
}

func TestGatheredLinesAreWrittenWithoutBeingAskedFor(t *testing.T) {
	reader, writer := io.Pipe()
	app.NewLogger(jsonLog, app.NewLines(writer)).Info("alone")
	line := make([]byte, 200)
	n, err := reader.Read(line)
	if err != nil || !strings.Contains(string(line[:n]), "alone") {
		t.Errorf("read %s, %v", line[:n], err)
	}
}

// TestLogThatIsReadLateIsBoundedAndWhole: logging waits a moment for the reader, so that no line is lost.
func TestLogThatIsReadLateIsBoundedAndWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, writer := io.Pipe()
		lines := app.NewLines(writer)
		log := app.NewLogger(jsonLog, lines)
		value := strings.Repeat("x", 1000)
		logged := 0
		go func() {
			for range 2000 { // two megabytes
				log.Info("event", "value", value)
				logged++
			}
		}()
		synctest.Wait()
		if logged == 2000 {
			t.Error("it never waited")
		}
		go func() { _, _ = io.Copy(io.Discard, reader) }() // ends with the pipe
		synctest.Wait()
		if logged != 2000 || lines.Dropped() > 0 {
			t.Errorf("%d lines of 2000 were logged in the end, and %d dropped", logged, lines.Dropped())
		}
		lines.Flush()
		_ = writer.Close() // never fails
	})
}

// TestLogThatNobodyReadsHoldsNobodyUp: lines for which there is no room are dropped, and the log says so when it is read again.
func TestLogThatNobodyReadsHoldsNobodyUp(t *testing.T) {
	const count = 4000
	for _, format := range []string{"json", "text"} {
		t.Run(format, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reader, writer := io.Pipe()
				lines := app.NewLines(writer)
				log := app.NewLogger(app.Config{LogLevel: "info", LogFormat: format}, lines)
				value, began := strings.Repeat("x", 1000), time.Now()
				for range count { // four megabytes
					log.Info("event", "value", value)
				}
				log.Warn("warning")
				if lines.Flush() {
					t.Error("what nobody has read is said to be written")
				}
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("who logged was held up for %v", took)
				}
				dropped := lines.Dropped()
				if dropped < count/4 || dropped > count*7/8 {
					t.Errorf("%d lines of %d were dropped", dropped, count)
				}

				out := &written{}
				go func() { _, _ = io.Copy(out, reader) }() // ends with the pipe
				synctest.Wait()
				log.Info("after")
				lines.Flush()
				text, _ := out.content()
				if kept := int64(strings.Count(text, value)); kept+dropped < count || kept+dropped > count+1 { // the warning may be dropped, too
					t.Errorf("%d lines were kept and %d dropped", kept, dropped)
				}
				number := map[string]string{"json": `"lines":%d}`, "text": " lines=%d"}[format]
				if strings.Count(text, "lines of the log were dropped") != 1 || !strings.Contains(text, fmt.Sprintf(number, dropped)) || lines.Dropped() != dropped {
					t.Errorf("it tells %s", text[strings.LastIndex(text, value):])
				}
				if !strings.Contains(text, "after") {
					t.Error("the log does not go on")
				}
				_ = writer.Close() // never fails
			})
		})
	}
}

func BenchmarkLogRequest(b *testing.B) {
	for name, to := range map[string]io.Writer{"gathered": app.NewLines(io.Discard), "at once": io.Discard} {
		b.Run(name, func(b *testing.B) {
			handler := app.NewLogger(app.Config{LogLevel: "info", LogFormat: "json"}, to).Handler().WithAttrs([]slog.Attr{
				slog.String("method", "POST"), slog.String("route", "/oauth2/token"), slog.Int("status", 200),
			})
			b.ReportAllocs()
			for b.Loop() {
				line := slog.NewRecord(time.Now(), slog.LevelInfo, "request", 0)
				line.AddAttrs(slog.Float64("duration_ms", 1.234), slog.String("ip", "127.0.0.1"), slog.String("request_id", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
				if err := handler.Handle(b.Context(), line); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
