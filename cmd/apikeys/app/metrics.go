package app

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/oauth"
	"github.com/piercloud/apikeys/pkg/sqlstore"
	"github.com/piercloud/apikeys/pkg/usage"
)

// tokenOutcomes are all outcomes of token requests.
var tokenOutcomes = []string{
	oauth.Issued, oauth.Malformed, oauth.AddressRateLimited, oauth.Failed, usage.ScopeNotGranted, usage.RateLimited,
	string(apikey.UnknownClient), string(apikey.InactiveKey), string(apikey.WrongSecret), string(apikey.ExpiredSecret),
}

// measure connects what the parts count with the metrics.
func (a *App) measure(cache *apikey.Cache) {
	m := a.metrics
	m.Expect(tokenOutcomes, sqlstore.Operations)
	for result, count := range map[string]func(apikey.CacheStats) int64{
		"hit":    func(s apikey.CacheStats) int64 { return s.Hits },
		"miss":   func(s apikey.CacheStats) int64 { return s.Misses },
		"bypass": func(s apikey.CacheStats) int64 { return s.Bypasses },
	} {
		m.Counter("key_cache_lookups_total", "Lookups of keys by what the cache did: hit, miss, or bypass while the log can't be read in time.",
			"result", result, func() float64 { return float64(count(cache.Stats())) })
	}
	m.Gauge("log_lag_seconds", "Age of the last complete reading of the event log; infinite before the first.", func() float64 {
		age, ok := a.Tailer.Age()
		if !ok {
			return math.Inf(1)
		}
		return age.Seconds()
	})
	m.Gauge("log_position", "Number of the last event that was read.", func() float64 { return float64(a.Tailer.Position()) })
	m.Gauge("signing_key_age_seconds", "How long the present signing key has been signing; 0 without one.", func() float64 {
		key, err := a.Keyring.Signer()
		if err != nil {
			return 0
		}
		return a.options.Now().Sub(key.NotBefore).Seconds()
	})
	flushes := func(count func(usage.FlushStats) int64) func() float64 {
		return func() float64 { return float64(count(a.Uses.Stats())) }
	}
	m.Counter("usage_flushes_total", "Batches of usage that were written.", "", "", flushes(func(s usage.FlushStats) int64 { return s.Flushes }))
	m.Counter("usage_flush_errors_total", "Batches of usage that could not be written and are kept for the next time.", "", "",
		flushes(func(s usage.FlushStats) int64 { return s.Failures }))
	m.Counter("usage_flushed_rows_total", "Rows that batches of usage wrote.", "", "", flushes(func(s usage.FlushStats) int64 { return s.Rows }))
	for name, pool := range a.Store.Pools() {
		m.Pool(name, pool)
	}
}

// serveMetrics serves nothing but the metrics, on an address of their own, until ctx ends.
func (a *App) serveMetrics(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.Config.MetricsListen)
	if err != nil {
		return &ConfigError{Prefix + "METRICS_LISTEN", "can't be used: " + err.Error()}
	}
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", a.metrics.Handler(a.options.Logger))
	server := a.newServer(routes)
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // a reader comes again
	defer stop()
	a.announce("Metrics are at http://%s/metrics\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// metricsHandler returns what serves the metrics on the service's own address: nothing when they have one of their own.
func (a *App) metricsHandler() http.Handler {
	if a.Config.MetricsListen != "" {
		return nil
	}
	return a.metrics.Handler(a.options.Logger)
}
