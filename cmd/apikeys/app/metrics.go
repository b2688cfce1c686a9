package app

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/usage"
)

// measure registers the metrics for what the parts of the service count.
func (a *App) measure(cache *apikey.Cache) {
	m := a.metrics
	for result, count := range map[string]func(apikey.CacheStats) int64{
		"hit":    func(s apikey.CacheStats) int64 { return s.Hits },
		"miss":   func(s apikey.CacheStats) int64 { return s.Misses },
		"bypass": func(s apikey.CacheStats) int64 { return s.Bypasses },
	} {
		m.Counter("key_cache_lookups_total", "Lookups of keys by what the cache did: hit, miss, or bypass while the log can't be read in time.",
			"result", result, func() float64 { return float64(count(cache.Stats())) })
	}
	m.Gauge("log_lag_seconds", "Age of the last complete reading of the event log; infinite before the first.", "", "", func() float64 {
		age, ok := a.Tailer.Age()
		if !ok {
			return math.Inf(1)
		}
		return age.Seconds()
	})
	m.Gauge("log_position", "Number of the last event that was read.", "", "", func() float64 { return float64(a.Tailer.Position()) })
	m.Gauge("signing_key_age_seconds", "How long the current signing key has been signing; 0 without one.", "", "", func() float64 {
		key, err := a.Keyring.Signer()
		if err != nil {
			return 0
		}
		return a.options.Now().Sub(key.NotBefore).Seconds()
	})
	m.Gauge("tls_certificate_end_time_seconds", "When the certificate that is served ends, in Unix time; NaN without TLS.", "", "", func() float64 {
		if a.tls == nil {
			return math.NaN()
		}
		return float64(a.tls.end().Unix())
	})
	flushes := func(count func(usage.FlushStats) int64) func() float64 {
		return func() float64 { return float64(count(a.Uses.Stats())) }
	}
	m.Counter("usage_flushes_total", "Times that all usage since the last time was written.", "", "", flushes(func(s usage.FlushStats) int64 { return s.Flushes }))
	m.Counter("usage_flush_errors_total", "Times that usage could not be written, or not all of it; the rest is kept for the next time.", "", "",
		flushes(func(s usage.FlushStats) int64 { return s.Failures }))
	m.Counter("usage_flushed_rows_total", "Rows that batches of usage wrote.", "", "", flushes(func(s usage.FlushStats) int64 { return s.Rows }))
	m.Counter("log_dropped_lines_total", "Lines of the log that were dropped because it could not be written to.", "", "", func() float64 {
		if a.lines == nil {
			return 0
		}
		return float64(a.lines.Dropped())
	})
	m.Gauge("clock_offset_seconds", "How far this machine's clock is ahead of the database's, at least; NaN until they were compared.", "", "", func() float64 {
		if offset := a.clockOffset.Load(); offset != nil {
			return offset.Seconds()
		}
		return math.NaN()
	})
	a.measureAttention()
	for name, pool := range a.Store.Pools() {
		m.Pool(name, pool)
	}
}

// measureAttention registers the metrics for what [App.survey] finds. They are NaN until the first survey.
func (a *App) measureAttention() {
	gauge := func(name, help, label, value string, of func(*usage.Attention) int64) {
		a.metrics.Gauge(name, help, label, value, func() float64 {
			if found := a.attention.Load(); found != nil {
				return float64(of(found))
			}
			return math.NaN()
		})
	}
	ending := "Client secrets whose grace period ends within this time."
	gauge("grace_periods_ending", ending, "within", "24h", func(f *usage.Attention) int64 { return f.EndingInDay })
	gauge("grace_periods_ending", ending, "within", "7d", func(f *usage.Attention) int64 { return f.EndingInWeek })
	gauge("grace_periods_ending_in_use", "Client secrets whose grace period ends within 24 hours, and that were used in the last 24 hours.", "", "",
		func(f *usage.Attention) int64 { return f.EndingInUse })
	unused := "Active API keys that were neither used nor created in this time."
	gauge("unused_keys", unused, "for", "30d", func(f *usage.Attention) int64 { return f.Unused30Days })
	gauge("unused_keys", unused, "for", "90d", func(f *usage.Attention) int64 { return f.Unused90Days })
}

// survey counts what deserves attention. It reads every key, so it runs seldom, and independently of how often somebody reads the
// metrics.
func (a *App) survey(ctx context.Context) {
	if found, err := a.Usage.Attention(ctx); err == nil {
		a.attention.Store(&found)
	} else if ctx.Err() == nil {
		a.options.Logger.WarnContext(ctx, "ending grace periods and unused keys can't be counted", "error", err)
	}
}

// serveMetrics serves only the metrics, on an address of their own, until ctx ends.
func (a *App) serveMetrics(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.Config.MetricsListen)
	if err != nil {
		return &ConfigError{Prefix + "METRICS_LISTEN", "can't be used: " + err.Error()}
	}
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", a.metrics.Handler(a.options.Logger))
	server := a.newServer(routes)
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // whoever reads the metrics will come again
	defer stop()
	a.announce("Metrics are at http://%s/metrics\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// metricsHandler returns the handler of the metrics on the service's own address: nil if they have an address of their own.
func (a *App) metricsHandler() http.Handler {
	if a.Config.MetricsListen != "" {
		return nil
	}
	return a.metrics.Handler(a.options.Logger)
}
