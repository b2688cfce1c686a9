package api

import (
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
	"github.com/piercloud/apikeys/pkg/audit"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

// endlessLog has an event at every position, until it fails.
type endlessLog struct {
	audit.Store
	failAt int64         // position below which it can't be read
	asked  chan struct{} // when there is one, a reading tells it, and then waits for its caller to leave
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

// exporting serves the export of a log as the whole service does: errors become answers before the first byte.
func exporting(t *testing.T, log *endlessLog) (*httptest.Server, *server) {
	t.Helper()
	s := &server{
		audit: audit.NewService(log, nil, "", time.Now), exports: make(chan struct{}, exportsMax), now: time.Now,
		log: slog.New(slog.DiscardHandler),
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := s.ExportEvents(r.Context(), oas.ExportEventsRequestObject{Params: oas.ExportEventsParams{Format: oas.Jsonl}})
		if err == nil {
			err = answer.VisitExportEventsResponse(w)
		}
		if err != nil {
			w.WriteHeader(faultOf(err).status)
		}
	}))
	site.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(site.Close)
	return site, s
}

func export(t *testing.T, ctx context.Context, site *httptest.Server) (status, lines int, err error) { //nolint:revive // the context is the export's own
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, site.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := site.Client().Do(r)
	if err != nil {
		return 0, 0, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, strings.Count(string(body), "\n"), err
}

func TestAnExportThatCanNotBeFinishedIsCutOff(t *testing.T) {
	site, s := exporting(t, &endlessLog{failAt: 999_000})
	status, lines, err := export(t, t.Context(), site)
	if status != http.StatusOK || lines == 0 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %d, %d events, then %v", status, lines, err)
	}
	if len(s.exports) != 0 {
		t.Error("the export still counts as running")
	}
}

func TestAnExportThatCanNotBeginIsAnError(t *testing.T) {
	site, _ := exporting(t, &endlessLog{failAt: 2_000_000})
	if status, _, err := export(t, t.Context(), site); status != http.StatusInternalServerError || err != nil {
		t.Errorf("got %d, %v", status, err)
	}
}

func TestExportsAtOnceAreBounded(t *testing.T) {
	log := &endlessLog{asked: make(chan struct{})}
	site, s := exporting(t, log)
	running, leave := context.WithCancel(t.Context())
	ended := make(chan error, exportsMax)
	for range exportsMax {
		go func() {
			_, _, err := export(t, running, site)
			ended <- err
		}()
	}
	for range exportsMax {
		<-log.asked
	}
	if status, _, err := export(t, t.Context(), site); status != http.StatusTooManyRequests || err != nil {
		t.Errorf("one more: got %d, %v", status, err)
	}
	leave()
	for range exportsMax {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("an export whose caller left ended with %v", err)
		}
	}
	for range exportsMax { // all places are given back
		s.exports <- struct{}{}
	}
}
