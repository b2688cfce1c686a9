package metrics

import (
	"maps"
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/piercloud/apikeys/pkg/striped"
)

// series is the labels of requests that are counted together.
type series struct {
	method, route string
	status        int
}

// requests counts requests by their labels. Every request is counted, so counting must not make requests wait for each other:
// callers keep the histogram of their series, which is striped and takes no lock. prometheus.HistogramVec has a lock and counts
// in one place.
type requests struct {
	description *prometheus.Desc
	mu          sync.Mutex // guards known
	known       map[series]*striped.Histogram
}

func newRequests() *requests {
	return &requests{known: map[series]*striped.Histogram{}, description: prometheus.NewDesc(
		prometheus.BuildFQName(namespace, "", "http_request_duration_seconds"),
		"How long requests took, by method, pattern of the route, and status. Streams are not among them.",
		[]string{"method", "route", "status"}, nil,
	)}
}

// of returns the histogram of a series. Routes and statuses bound the number of series.
func (r *requests) of(s series) *striped.Histogram {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known[s] == nil {
		r.known[s] = striped.NewHistogram(requestBounds)
	}
	return r.known[s]
}

// Describe implements prometheus.Collector.
func (r *requests) Describe(to chan<- *prometheus.Desc) { to <- r.description }

// Collect implements prometheus.Collector.
func (r *requests) Collect(to chan<- prometheus.Metric) {
	r.mu.Lock()
	known := maps.Clone(r.known)
	r.mu.Unlock()
	for s, h := range known {
		count, sum, upTo := h.Load()
		buckets := make(map[float64]uint64, len(upTo))
		for i, n := range upTo {
			buckets[requestBounds[i].Seconds()] = uint64(n) //nolint:gosec // counts are not negative
		}
		to <- prometheus.MustNewConstHistogram(r.description, uint64(count), sum.Seconds(), buckets, //nolint:gosec // likewise
			s.method, s.route, strconv.Itoa(s.status))
	}
}

// outcomes counts token requests by outcome. All outcomes are known beforehand.
type outcomes struct {
	description *prometheus.Desc
	counts      map[string]*striped.Counter // never changed
}

func newOutcomes(names []string) *outcomes {
	o := &outcomes{counts: map[string]*striped.Counter{}, description: prometheus.NewDesc(
		prometheus.BuildFQName(namespace, "", "token_requests_total"),
		"Token requests by outcome: issued, or why there was no token.", []string{"outcome"}, nil,
	)}
	for _, name := range names {
		o.counts[name] = striped.NewCounter()
	}
	return o
}

// count counts a known outcome, and ignores any other.
func (o *outcomes) count(name string) {
	if c := o.counts[name]; c != nil {
		c.Add()
	}
}

// Describe implements prometheus.Collector.
func (o *outcomes) Describe(to chan<- *prometheus.Desc) { to <- o.description }

// Collect implements prometheus.Collector.
func (o *outcomes) Collect(to chan<- prometheus.Metric) {
	for name, c := range o.counts {
		to <- prometheus.MustNewConstMetric(o.description, prometheus.CounterValue, float64(c.Load()), name)
	}
}
