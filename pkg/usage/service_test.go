package usage_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/piercloud/apikeys/pkg/usage"
)

func load(t rapid.TB, zone string) *time.Location {
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return location
}

func (f *fixture) series(t rapid.TB, ids []string, span usage.Span) []usage.Series {
	series, err := f.service.Series(context.Background(), tenancy, ids, span)
	if err != nil {
		t.Fatal(err)
	}
	return series
}

func TestSeriesHaveNoGaps(t *testing.T) {
	f := newFixture(t)
	f.Issued("a", "sa", "")
	f.advance(2 * time.Hour)
	f.Issued("a", "sa", "")
	f.Issued("a", "sa", "")
	f.Denied("b", "wrong-secret", "", "")
	f.flush(t)
	series := f.series(t, []string{"b", "a", "unknown", "a"}, usage.Span{
		From: start.Add(-30 * time.Minute), Until: start.Add(3 * time.Hour), Resolution: usage.Hourly, Location: time.UTC,
	})
	want := map[string][4][2]int64{"a": {{}, {1, 0}, {}, {2, 0}}, "b": {{}, {}, {}, {0, 1}}, "unknown": {}}
	for i, id := range []string{"b", "a", "unknown", "a"} {
		if series[i].ClientID != id || len(series[i].Points) != 4 {
			t.Fatalf("series %d is of %s with %d points", i, series[i].ClientID, len(series[i].Points))
		}
		for j, p := range series[i].Points {
			if !p.Start.Equal(start.Add(time.Duration(j-1)*time.Hour)) || p.Issued != want[id][j][0] || p.Denied != want[id][j][1] {
				t.Errorf("%s, point %d: %+v, want %v", id, j, p, want[id][j])
			}
		}
	}
}

func TestDaysBeginAtMidnightOfThePlace(t *testing.T) {
	f := newFixture(t)
	tokyo := load(t, "Asia/Tokyo")
	f.Issued("a", "sa", "") // 21:00 of 1 March in Tokyo
	f.advance(4 * time.Hour)
	f.Issued("a", "sa", "") // 01:00 of 2 March
	f.flush(t)
	span := usage.Span{From: start, Until: start.AddDate(0, 0, 1), Resolution: usage.Daily, Location: tokyo}
	points := f.series(t, []string{"a"}, span)[0].Points
	if len(points) != 2 || points[0].Issued != 1 || points[1].Issued != 1 || !points[1].Start.Equal(time.Date(2026, 3, 2, 0, 0, 0, 0, tokyo)) {
		t.Errorf("in Tokyo: %+v", points)
	}
	span.Location = time.UTC
	if points := f.series(t, []string{"a"}, span)[0].Points; len(points) != 2 || points[0].Issued != 2 {
		t.Errorf("in UTC: %+v", points)
	}
}

func TestDaysWithoutAMidnightBeginLater(t *testing.T) {
	f := newFixture(t)
	tests := []struct {
		zone  string
		day   time.Time
		start string // of the day
	}{
		{"America/Santiago", time.Date(2026, 9, 6, 15, 0, 0, 0, time.UTC), "2026-09-06T01:00:00-03:00"},
		{"Atlantic/Azores", time.Date(2026, 3, 29, 15, 0, 0, 0, time.UTC), "2026-03-29T01:00:00Z"},
		{"America/Asuncion", time.Date(2023, 10, 1, 15, 0, 0, 0, time.UTC), "2023-10-01T01:00:00-03:00"},
		{"America/Sao_Paulo", time.Date(2018, 11, 4, 15, 0, 0, 0, time.UTC), "2018-11-04T01:00:00-02:00"},
		{"Pacific/Apia", time.Date(2011, 12, 29, 22, 0, 0, 0, time.UTC), "2011-12-29T00:00:00-10:00"}, // 30 December was left out
	}
	for _, test := range tests {
		location := load(t, test.zone)
		points := f.series(t, []string{"a"}, usage.Span{From: test.day, Until: test.day.Add(72 * time.Hour), Resolution: usage.Daily, Location: location})[0].Points
		if got := points[0].Start.Format(time.RFC3339); got != test.start {
			t.Errorf("%s: the day begins at %s, want %s", test.zone, got, test.start)
		}
		if len(points) != 4 {
			t.Errorf("%s: %d days, want 4", test.zone, len(points))
		}
	}
}

func TestDaysWithTwoMidnightsBeginWithTheFirst(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct {
		zone  string
		first time.Time
		start string // of the day and of those after it
	}{
		{"Asia/Amman", time.Date(2021, 10, 28, 21, 0, 0, 0, time.UTC), "2021-10-29T00:00:00+03:00 2021-10-30T00:00:00+02:00"},
		{"Antarctica/Casey", time.Date(2023, 3, 8, 13, 0, 0, 0, time.UTC), "2023-03-09T00:00:00+11:00 2023-03-10T00:00:00+08:00"},
		{"America/Havana", time.Date(2025, 11, 2, 4, 0, 0, 0, time.UTC), "2025-11-02T00:00:00-04:00 2025-11-03T00:00:00-05:00"},
		{"America/St_Johns", time.Date(2010, 11, 7, 2, 30, 0, 0, time.UTC), "2010-11-07T00:00:00-02:30 2010-11-08T00:00:00-03:30"}, // a minute later it is the 6th again
	} {
		for length, want := range map[time.Duration]string{time.Second: test.start[:25], time.Hour: test.start[:25], 36 * time.Hour: test.start} {
			span := usage.Span{From: test.first, Until: test.first.Add(length), Resolution: usage.Daily, Location: load(t, test.zone)}
			var starts []string
			for _, series := range f.series(t, []string{"a"}, span) {
				for _, p := range series.Points {
					starts = append(starts, p.Start.Format(time.RFC3339))
				}
			}
			if got := strings.Join(starts, " "); got != want {
				t.Errorf("%s: in the %s from midnight days begin at %q, want %q", test.zone, length, got, want)
			}
		}
	}
}

// TestStepsCoverTheSpanWhateverThePlace would not end if a step did not move forward in time.
func TestStepsCoverTheSpanWhateverThePlace(t *testing.T) {
	f := newFixture(t)
	zones := rapid.SampledFrom([]string{
		"UTC", "America/Sao_Paulo", "America/Santiago", "Atlantic/Azores", "America/Havana", "Africa/Cairo", "Asia/Beirut", "Asia/Kolkata",
		"Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kwajalein", "America/Asuncion", "Pacific/Chatham",
		"Asia/Amman",
	})
	rapid.Check(t, func(t *rapid.T) {
		from := time.Unix(rapid.Int64Range(0, 2_500_000_000).Draw(t, "from"), 0)
		span := usage.Span{
			From: from, Until: from.Add(time.Duration(rapid.Int64Range(1, int64(usage.SpanMax)).Draw(t, "length"))),
			Resolution: rapid.SampledFrom([]usage.Resolution{usage.Hourly, usage.Daily}).Draw(t, "resolution"), Location: load(t, zones.Draw(t, "zone")),
		}
		points := f.series(t, []string{"a"}, span)[0].Points
		for i, p := range points {
			longest := 25*time.Hour + 30*time.Minute
			if span.Location.String() == "Pacific/Apia" || span.Location.String() == "Pacific/Kwajalein" {
				longest += 24 * time.Hour
			}
			if i > 0 && (!p.Start.After(points[i-1].Start) || p.Start.Sub(points[i-1].Start) > longest) {
				t.Fatalf("%v follows %v", p.Start, points[i-1].Start)
			}
			if !p.Start.Before(span.Until) {
				t.Fatalf("%v begins after the span", p.Start)
			}
		}
		if first := points[0].Start; first.After(span.From) || span.From.Sub(first) > 50*time.Hour {
			t.Fatalf("the first step of %v begins at %v", span.From, first)
		}
	})
}

func TestAnEmptySpanHasNoSeries(t *testing.T) {
	f := newFixture(t)
	for _, resolution := range []usage.Resolution{usage.Hourly, usage.Daily} {
		if series := f.series(t, []string{"a"}, usage.Span{From: start, Until: start.AddDate(0, 0, -2), Resolution: resolution, Location: time.UTC}); len(series) != 0 {
			t.Errorf("%d series", len(series))
		}
	}
}

func TestTheLast24HoursAreThatWhateverWasPurged(t *testing.T) {
	f := newFixture(t)
	for hour := range 60 {
		f.Issued("a", "sa", "")
		f.flush(t)
		if err := f.service.Purge(t.Context(), f.Now(), 90); err != nil {
			t.Fatal(err)
		}
		o, err := f.service.Overview(t.Context(), tenancy, 1, 30)
		if want := min(int64(hour+1), 24); err != nil || o.Issued != want {
			t.Errorf("after %d hours: %d, %v, want %d", hour, o.Issued, err, want)
		}
		f.advance(time.Hour)
	}
}
