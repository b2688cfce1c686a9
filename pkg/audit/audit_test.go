package audit_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/audit"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

var errDown = errors.New("down")

// pages is a store that answers each query with the next page, and with an error once there are none left.
type pages struct {
	audit.Store
	left  [][]eventlog.Event
	asked []audit.Selection
}

func (p *pages) Events(_ context.Context, q audit.Selection) ([]eventlog.Event, error) {
	p.asked = append(p.asked, q)
	if len(p.left) == 0 {
		return nil, errDown
	}
	page := p.left[0]
	p.left = p.left[1:]
	return page, nil
}

// page returns n events, newest first.
func page(newest int64, n int) []eventlog.Event {
	events := make([]eventlog.Event, n)
	for i := range events {
		events[i].Seq = newest - int64(i)
	}
	return events
}

var viewer = audit.Viewer{TenancyID: "home", All: true}

func TestAnExportIsWholeOrFails(t *testing.T) {
	gone := errors.New("nobody reads")
	for name, test := range map[string]struct {
		pages          [][]eventlog.Event
		write          error
		asked, written int
		want           error
	}{
		"one batch, not full":              {pages: [][]eventlog.Event{page(3, 3)}, asked: 1, written: 3},
		"one batch, full":                  {pages: [][]eventlog.Event{page(1000, 500), nil}, asked: 2, written: 500},
		"several":                          {pages: [][]eventlog.Event{page(1000, 500), page(500, 2)}, asked: 2, written: 502},
		"the store fails":                  {asked: 1, want: errDown},
		"the store fails after a batch":    {pages: [][]eventlog.Event{page(1000, 500)}, asked: 2, written: 500, want: errDown},
		"who reads is gone with the first": {pages: [][]eventlog.Event{page(1000, 500)}, write: gone, asked: 1, written: 500, want: gone},
	} {
		t.Run(name, func(t *testing.T) {
			store, written := &pages{left: test.pages}, 0
			err := audit.NewService(store, nil, "", time.Now).Export(t.Context(), viewer, audit.Filter{}, func(events []eventlog.Event) error {
				written += len(events)
				return test.write
			})
			if !errors.Is(err, test.want) || len(store.asked) != test.asked || written != test.written {
				t.Errorf("asked %d times and wrote %d: %v", len(store.asked), written, err)
			}
			if len(store.asked) == 2 && store.asked[1].Before != 501 {
				t.Errorf("the second batch is of those before %d", store.asked[1].Before)
			}
		})
	}
}

// TestWhatNothingCanMatchIsNotLookedFor: a filter that no event can match costs no query.
func TestWhatNothingCanMatchIsNotLookedFor(t *testing.T) {
	store := &pages{}
	s := audit.NewService(store, nil, "", time.Now)
	for name, test := range map[string]struct {
		viewer audit.Viewer
		filter audit.Filter
	}{
		"two subjects":              {viewer, audit.Filter{Subject: "ak_1", ClientID: "ak_2"}},
		"actions that are not seen": {audit.Viewer{TenancyID: "home"}, audit.Filter{Actions: []eventlog.Action{eventlog.TenancyCreated}}},
	} {
		if found, err := s.List(t.Context(), test.viewer, test.filter, 0, 10); err != nil || len(found.Events) != 0 {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
		err := s.Export(t.Context(), test.viewer, test.filter, func(events []eventlog.Event) error {
			t.Errorf("%s: %d events are exported", name, len(events))
			return nil
		})
		if err != nil || len(store.asked) != 0 {
			t.Errorf("%s: asked for %+v, %v", name, store.asked, err)
		}
	}
}

func TestOnlyAPageThatIsNotTheLastLeadsToAnother(t *testing.T) {
	store := &pages{left: [][]eventlog.Event{page(10, 10), page(10, 11), page(200, audit.PageMax+1)}}
	s := audit.NewService(store, nil, "", time.Now)
	for _, test := range []struct {
		limit, events int
		next          int64
	}{{10, 10, 0}, {10, 10, 1}, {1000, audit.PageMax, 101}} {
		got, err := s.List(t.Context(), viewer, audit.Filter{}, 0, test.limit)
		if err != nil || len(got.Events) != test.events || got.NextBefore != test.next {
			t.Errorf("of a page of %d there are %d, and the next comes before %d, %v; want %+v", test.limit, len(got.Events), got.NextBefore, err, test)
		}
	}
}
