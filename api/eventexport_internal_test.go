package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/api/internal/oas"
	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/audit"
	"github.com/piercloud/apikeys/pkg/await"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

// endlessLog has an event at every position down to failAt, where reading fails.
type endlessLog struct {
	audit.Store
	failAt int64         // position below which it can't be read
	asked  chan struct{} // if not nil, each read signals it and then waits until its caller leaves
}

func (l *endlessLog) Events(ctx context.Context, q audit.Selection) ([]eventlog.Event, error) {
	if l.asked != nil {
		l.asked <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if q.Before == 0 {
		q.Before = 1_000_000
	}
	if q.Before < l.failAt {
		return nil, errors.New("down")
	}
	events := make([]eventlog.Event, q.Limit)
	for i := range events {
		events[i].Seq = q.Before - 1 - int64(i)
	}
	return events, nil
}

// exporting serves the export of a log as the whole service does: errors before the first byte become answers. The path is the
// caller's tenancy.
func exporting(t *testing.T, log *endlessLog) (*httptest.Server, *server) {
	t.Helper()
	s := &server{
		audit: audit.NewService(log, nil, "", time.Now), exports: newPlaces[string](exportsMax, exportsMaxFor), now: time.Now,
		log: slog.New(slog.DiscardHandler),
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := principal{caller: apikey.Caller{TenancyID: r.URL.Path, Origin: eventlog.Origin{RequestID: "of this one"}}}
		answer, err := s.ExportEvents(context.WithValue(r.Context(), principalKey{}, p), oas.ExportEventsRequestObject{Params: oas.ExportEventsParams{Format: oas.Jsonl}})
		if err == nil {
			err = answer.VisitExportEventsResponse(w)
		}
		if err != nil {
			http.Error(w, faultOf(err).detail, faultOf(err).status)
		}
	}))
	site.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(site.Close)
	return site, s
}

func export(ctx context.Context, t *testing.T, site *httptest.Server, tenancy string) (status int, body string, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, site.URL+"/"+tenancy, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := site.Client().Do(r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	return response.StatusCode, string(read), err
}

func TestAnExportThatCanNotBeFinishedIsCutOff(t *testing.T) {
	site, s := exporting(t, &endlessLog{failAt: 999_000})
	var logs bytes.Buffer
	s.log = slog.New(slog.NewJSONHandler(&logs, nil))
	status, body, err := export(t.Context(), t, site, "acme")
	if lines := strings.Count(body, "\n"); status != http.StatusOK || lines == 0 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %d, %d events, then %v", status, lines, err)
	}
	if s.exports.count() != 0 {
		t.Error("the export still counts as running")
	}
	site.Close() // so that nothing more is logged
	if line := logs.String(); !strings.Contains(line, `"error":"down"`) || !strings.Contains(line, `"request_id":"of this one"`) {
		t.Errorf("logged %s", line)
	}
}

func TestAnExportThatCanNotBeginIsAnError(t *testing.T) {
	site, _ := exporting(t, &endlessLog{failAt: 2_000_000})
	if status, _, err := export(t.Context(), t, site, "acme"); status != http.StatusInternalServerError || err != nil {
		t.Errorf("got %d, %v", status, err)
	}
}

func TestNoCellOfCSVIsAFormula(t *testing.T) {
	for _, start := range []string{"=", "+", "-", "@", "\t", "\r", "\n"} {
		if got, want := defuse(start+"SUM(1)"), "'"+start+"SUM(1)"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, harmless := range []string{"", "plain", "1-1=0", "é", "'=1"} {
		if got := defuse(harmless); got != harmless {
			t.Errorf("got %q for %q", got, harmless)
		}
	}
}

func TestExportsAtOnceAreBoundedForEachTenancyAndInAll(t *testing.T) {
	log := &endlessLog{asked: make(chan struct{})}
	site, s := exporting(t, log)
	running, leave := context.WithCancel(t.Context())
	ended := make(chan error, exportsMax)
	refused := func(tenancy string) {
		t.Helper()
		status, detail, err := export(t.Context(), t, site, tenancy)
		if status != http.StatusTooManyRequests || detail != "Too many exports are running. Try again in 10 seconds.\n" || err != nil {
			t.Errorf("one more of %s: got %d %s, %v", tenancy, status, detail, err)
		}
	}
	for _, tenancy := range []string{"acme", "globex"} {
		for range exportsMaxFor {
			go func() {
				_, _, err := export(running, t, site, tenancy)
				ended <- err
			}()
		}
		for range exportsMaxFor {
			<-log.asked
		}
		refused(tenancy)
	}
	refused("initech")
	leave()
	for range exportsMax {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("an export whose caller left ended with %v", err)
		}
	}
	await.Until(t, time.Minute, "all places are given back", func() bool { return s.exports.count() == 0 })
}
