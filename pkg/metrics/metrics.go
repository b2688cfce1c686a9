// Package metrics owns the names of the service's metrics and their form, that of Prometheus. The parts of the service don't
// depend on it: they count, or call a function that they are given, and the composition root connects the two.
//
// No label has a value that a caller chooses, and none names a client, an operator or an address: metrics end up in places where
// many people look, and every value of a label is a series that has to be stored.
package metrics

import (
	"database/sql"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// namespace is the prefix of all our own metrics.
const namespace = "apikeys"

// Upper bounds of buckets; those of statements are in seconds. A token takes a fraction of a millisecond, a sign-in some tens of
// milliseconds.
var (
	requestBounds = []time.Duration{
		500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
		25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
		time.Second, 2500 * time.Millisecond, 10 * time.Second,
	}
	statementBuckets = []float64{.0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}
)

// Metrics collects metrics. It is safe for concurrent use.
type Metrics struct {
	registry   *prometheus.Registry
	requests   *requests
	tokens     *outcomes
	statements *prometheus.HistogramVec
	failures   *prometheus.CounterVec
	listeners  prometheus.Gauge
}

// New returns the metrics of this process. The series for these outcomes of token requests and these operations of the database
// exist from the start, so that rates have something to start from.
func New(outcomes, operations []string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: newRequests(),
		tokens:   newOutcomes(outcomes),
		statements: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "store_duration_seconds", Buckets: statementBuckets,
			Help: "How long calls of the database took, with all their waiting, by operation: read, snapshot, write, write-all, or change, which moves the log.",
		}, []string{"operation"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "store_unavailable_total",
			Help: "Calls of the database that found it out of reach, locked, or too slow.",
		}, []string{"operation"}),
		listeners: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "feed_listeners", Help: "Followers of the revocation stream that are connected.",
		}),
	}
	for _, operation := range operations {
		m.statements.WithLabelValues(operation)
		m.failures.WithLabelValues(operation)
	}
	m.registry.MustRegister(
		m.requests, m.tokens, m.statements, m.failures, m.listeners,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// Requests returns a function that counts a request with these labels and how long it took. The function is safe for concurrent
// use and takes no lock. route is the pattern, never the path.
func (m *Metrics) Requests(method, route string, status int) func(took time.Duration) {
	return m.requests.of(series{method, route, status}).Observe
}

// Listening notes that the number of followers of the revocation stream changed by delta.
func (m *Metrics) Listening(delta int) { m.listeners.Add(float64(delta)) }

// Token counts a token request, if its outcome is one of those that New was given.
func (m *Metrics) Token(outcome string) { m.tokens.count(outcome) }

// Store notes a call of the database.
func (m *Metrics) Store(operation string, took time.Duration, unavailable bool) {
	m.statements.WithLabelValues(operation).Observe(took.Seconds())
	if unavailable {
		m.failures.WithLabelValues(operation).Inc()
	}
}

// Gauge adds a value that is queried whenever the metrics are read: one series for each value of a label, or a single one if
// label is empty. f must be quick and safe for concurrent use.
func (m *Metrics) Gauge(name, help, label, value string, f func() float64) {
	o := prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help, ConstLabels: labels(label, value)}
	m.registry.MustRegister(prometheus.NewGaugeFunc(o, f))
}

// Counter is [Metrics.Gauge] for a count that only grows and is kept elsewhere.
func (m *Metrics) Counter(name, help, label, value string, f func() float64) {
	o := prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help, ConstLabels: labels(label, value)}
	m.registry.MustRegister(prometheus.NewCounterFunc(o, f))
}

// labels returns the one label, or none.
func labels(label, value string) prometheus.Labels {
	if label == "" {
		return nil
	}
	return prometheus.Labels{label: value}
}

// Pool adds the statistics of a database connection pool.
func (m *Metrics) Pool(name string, pool *sql.DB) {
	m.registry.MustRegister(collectors.NewDBStatsCollector(pool, name))
}

// Handler serves the metrics.
func (m *Metrics) Handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)})
}
