package usage

import (
	"context"
	"sort"
	"time"
)

// Resolution is the length of a series' steps.
type Resolution string

// The resolutions.
const (
	Hourly Resolution = "hour"
	Daily  Resolution = "day"
)

// SpanMax bounds the length of a series.
const SpanMax = 92 * 24 * time.Hour

// overviewMax bounds the lists in an overview.
const overviewMax = 20

// Span is the period that a series covers.
type Span struct {
	From, Until time.Time
	Resolution  Resolution
	// Location decides where a day begins. Hours always begin with those of UTC.
	Location *time.Location
}

// Point is one step of a series.
type Point struct {
	Start          time.Time // in the span's location
	Issued, Denied int64
}

// Series is the usage of a key over time, without gaps: steps in which nothing happened are zero.
type Series struct {
	ClientID string
	Points   []Point
}

// Service implements the use cases of viewing usage. It is safe for concurrent use.
type Service struct {
	store Store
	now   func() time.Time
}

// NewService returns a Service on top of a store.
func NewService(store Store, now func() time.Time) *Service { return &Service{store: store, now: now} }

// Series returns the series of a tenancy's keys, in the order requested; the series of a key that the tenancy does not have is
// all zeros. A span is at most [SpanMax] long.
func (s *Service) Series(ctx context.Context, tenancyID string, clientIDs []string, span Span) ([]Series, error) {
	starts := span.steps()
	if len(starts) == 0 {
		return nil, nil
	}
	hours, err := s.store.Hours(ctx, tenancyID, clientIDs, starts[0], span.Until)
	if err != nil {
		return nil, err
	}
	series := make([]Series, len(clientIDs))
	index := make(map[string]int, len(clientIDs))
	for i, id := range clientIDs {
		series[i] = Series{ClientID: id, Points: make([]Point, len(starts))}
		for j, start := range starts {
			series[i].Points[j].Start = start
		}
		index[id] = i
	}
	for _, h := range hours {
		points := series[index[h.ClientID]].Points
		at := stepOf(starts, h.Start)
		points[at].Issued += h.Issued
		points[at].Denied += h.Denied
	}
	for i, id := range clientIDs { // a key may be requested twice
		series[i].Points = series[index[id]].Points
	}
	return series, nil
}

// steps returns the beginnings of the span's steps, the first of which contains From.
func (s Span) steps() []time.Time {
	var starts []time.Time
	for at := s.floor(s.From); at.Before(s.Until); at = s.next(at) {
		starts = append(starts, at)
	}
	return starts
}

func (s Span) floor(t time.Time) time.Time {
	if s.Resolution == Daily {
		return s.dayStart(t.In(s.Location).Date())
	}
	return t.Truncate(time.Hour).In(s.Location)
}

func (s Span) next(t time.Time) time.Time {
	if s.Resolution != Daily {
		return t.Add(time.Hour)
	}
	y, m, d := t.Date()
	return s.dayStart(y, m, d+1)
}

// dayStart returns the first instant at which clocks in the location show the given day, or a later day if they skip it. That is
// midnight, unless clocks are put forward over midnight. If they show midnight twice, it is the first of the two, whereas
// [time.Date] may return either.
func (s Span) dayStart(y int, m time.Month, d int) time.Time {
	midnight := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	before := midnight.AddDate(0, 0, -1).In(s.Location) // earlier by more than any place is ahead of UTC
	_, changed := before.ZoneBounds()
	start := midnightBy(before, midnight)
	if changed.IsZero() || start.Before(changed) {
		return start
	}
	if start = midnightBy(changed, midnight); start.Before(changed) {
		return changed
	}
	return start
}

// midnightBy returns the instant of a midnight, given as if in UTC, with the offset that t's location has at t.
func midnightBy(t, midnight time.Time) time.Time {
	_, offset := t.Zone()
	return midnight.Add(-time.Duration(offset) * time.Second).In(t.Location())
}

// stepOf returns the index of the last step that does not begin after t.
func stepOf(starts []time.Time, t time.Time) int {
	after := sort.Search(len(starts), func(i int) bool { return starts[i].After(t) })
	return max(0, after-1)
}

// IssuedBySecret returns how many tokens were issued with each secret of a key in the last 24 hours, to within an hour.
func (s *Service) IssuedBySecret(ctx context.Context, tenancyID, clientID string) (map[string]int64, error) {
	return s.store.IssuedBySecret(ctx, tenancyID, clientID, s.now().Add(-24*time.Hour))
}

// Denials returns the latest denials of a key, newest first.
func (s *Service) Denials(ctx context.Context, tenancyID, clientID string) ([]Denial, error) {
	return s.store.Denials(ctx, tenancyID, clientID)
}

// Overview summarises a tenancy over the last 24 hours, or over several whole days and today so far, in UTC. A key is unused if
// it was neither used nor created in the last unusedDays.
func (s *Service) Overview(ctx context.Context, tenancyID string, days, unusedDays int) (Overview, error) {
	now := s.now()
	from := now.Add(-24 * time.Hour)
	if days > 1 {
		from = now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -days)
	}
	return s.store.Overview(ctx, tenancyID, from, now.AddDate(0, 0, -unusedDays), overviewMax)
}

// Attention counts, over all tenancies, what deserves attention now. It reads every key, so call it seldom.
func (s *Service) Attention(ctx context.Context) (Attention, error) {
	return s.store.Attention(ctx, s.now())
}

// Purge deletes the counts that were older than the given number of days by now.
func (s *Service) Purge(ctx context.Context, now time.Time, days int) error {
	return s.store.PurgeHours(ctx, now.AddDate(0, 0, -days), now.Add(-Lately))
}
