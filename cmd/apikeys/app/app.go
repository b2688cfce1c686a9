// Package app is the composition root: it reads the configuration, builds the service from its parts, and runs it. The command
// and the tests start the same application, and no other part of the service names the SQL store.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
	_ "time/tzdata" // time zones, for systems that have none

	"golang.org/x/sync/errgroup"

	"github.com/piercloud/apikeys/api"
	"github.com/piercloud/apikeys/frontend"
	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/audit"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/metrics"
	"github.com/piercloud/apikeys/pkg/oauth"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/revocation"
	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/signing"
	"github.com/piercloud/apikeys/pkg/sqlstore"
	"github.com/piercloud/apikeys/pkg/token"
	"github.com/piercloud/apikeys/pkg/tracing"
	"github.com/piercloud/apikeys/pkg/usage"
)

const (
	aloneTimeout      = 30 * time.Minute
	prepareRetry      = time.Second
	prepareHold       = 10 * time.Second
	housekeepingDelay = time.Second
	retireInterval    = 5 * time.Second
	purgeInterval     = 10 * time.Minute
	surveyInterval    = 10 * time.Minute
	clockInterval     = time.Minute
)

// Options are what the command and the tests decide. Logger is required.
type Options struct {
	Now    func() time.Time // nil for time.Now
	Output io.Writer        // for what a person must read, such as the first password
	Logger *slog.Logger
	// Existing is for commands that make no sense on a new database: then neither a database nor a master key is created.
	Existing bool
	// Alone is for commands that no running service may disturb; see sqlstore.Options.
	Alone  bool
	Bounds Bounds // the zero value for [DefaultBounds]
}

// timeout returns the time limit of each database call; 0 stands for the store's default. Work that is done alone, on all rows at
// once, may take much longer.
func (o Options) timeout() time.Duration {
	if o.Alone {
		return aloneTimeout
	}
	return 0
}

// App is the whole service in one process. Its parts are exported for commands and tests.
type App struct {
	Config    Config
	Store     *sqlstore.Store
	Keys      *apikey.Service
	Operators *operator.Service
	Keyring   *signing.Keyring
	Tailer    *eventlog.Tailer
	Uses      *usage.Recorder
	Usage     *usage.Service
	Audit     *audit.Service
	Revoked   *revocation.Set

	handler  http.Handler
	box      *sealed.Box
	metrics  *metrics.Metrics
	traces   *tracing.Tracing // nil if they are not exported
	tls      *certificate     // nil without TLS
	options  Options
	lines    *Lines // of the log; nil if each is written at once
	prepared atomic.Bool
	draining atomic.Bool      // see drain
	reached  *readiness       // see Ready
	stopping chan struct{}    // closed when the service stops
	floor    *strings.Builder // see newFloor

	attention   atomic.Pointer[usage.Attention] // nil until it has been counted
	clockOffset atomic.Pointer[time.Duration]   // from the database's; nil until they have been compared
	compared    atomic.Pointer[clockReading]    // see earliest
}

// New builds the service. It does not need the database yet; [App.Run] and [App.Prepare] do. Errors: a [ConfigError], or the
// error of whatever can't be opened.
func New(c Config, o Options) (*App, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Bounds == (Bounds{}) {
		o.Bounds = DefaultBounds
	}
	catalogue, err := c.catalogue()
	if err != nil {
		return nil, err
	}
	var served *certificate
	if c.TLSCertFile != "" {
		if served, err = newCertificate(c.TLSCertFile, c.TLSKeyFile, o.Logger, o.Now); err != nil {
			return nil, &ConfigError{Prefix + "TLS_CERT_FILE", "can't be used: " + err.Error()}
		}
	}
	traces, err := newTracing(o.Logger)
	if err != nil {
		return nil, err
	}
	var lines *Lines
	if handler, ok := o.Logger.Handler().(*lineHandler); ok {
		lines = handler.lines
	}
	if traces != nil {
		o.Logger = slog.New(tracing.Handler(o.Logger.Handler()))
	}
	a := &App{
		Config: c, options: o, lines: lines, metrics: metrics.New(oauth.Outcomes, sqlstore.Operations), traces: traces, tls: served,
		stopping: make(chan struct{}), floor: newFloor(), reached: &readiness{turn: make(chan struct{}, 1)},
	}
	started := o.Now()
	a.compared.Store(&clockReading{started, started.Round(0)})
	a.Store, err = sqlstore.Open(sqlstore.Options{
		URL: c.DatabaseURL, Logger: o.Logger, Now: o.Now, Observe: a.observeStore(), Existing: o.Existing, Alone: o.Alone, Timeout: o.timeout(),
	})
	if errors.Is(err, sqlstore.ErrNoDatabase) {
		return nil, c.noDatabase()
	}
	if err != nil {
		return nil, &ConfigError{Prefix + "DATABASE_URL", "can't be used: " + err.Error()}
	}
	if err := a.assemble(catalogue); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// assemble connects the parts.
func (a *App) assemble(catalogue *scope.Catalogue) (err error) {
	if a.box, err = a.Config.box(); err != nil {
		return &ConfigError{Prefix + "MASTER_KEY", "can't be used: " + err.Error()}
	}
	now := a.options.Now
	a.Tailer = eventlog.NewTailer(a.Store, now)
	cache := apikey.NewCache(a.Store, a.Tailer.Fresh)
	a.Tailer.Subscribe(cache.Apply)
	a.Keys = apikey.NewService(a.Store, catalogue, a.box, func(clientID string) {
		cache.Drop(clientID)
		a.Tailer.Wake()
	}, now)
	limits := a.Config.limits()
	a.Operators = operator.NewService(a.Store, limits, now)
	if a.Keyring, err = signing.NewKeyring(a.Store, a.box, a.Tailer.Fresh, now); err != nil {
		return err
	}
	a.Tailer.Subscribe(a.Keyring.Apply)
	a.Uses = usage.NewRecorder(a.Store, now)
	a.Usage = usage.NewService(a.Store, now)
	a.Audit = audit.NewService(a.Store, a.Keyring, a.Config.Issuer, now)
	a.Revoked = revocation.NewSet(a.Store, now)
	a.Tailer.Subscribe(a.Revoked.Apply)
	status, lists := a.statusLists()
	revoked := revocation.NewTokens(a.Store, a.Revoked, a.Tailer.Fresh, a.Tailer.Wake)
	tokens := token.NewIssuer(a.Keyring, a.Config.Issuer, a.Config.Audience, now)
	signOn, err := a.singleSignOn()
	if err != nil {
		return err
	}
	server, err := api.New(api.Options{
		Keys:           a.Keys,
		OAuth:          oauth.NewServer(cache, tokens, revoked, a.Uses, oauth.Options{Limits: limits, Status: status, Observe: a.metrics.Token, Signed: a.observeSigning()}, now),
		Revoked:        a.Revoked,
		Snapshots:      revocation.NewSnapshots(a.Revoked, a.Keyring, a.Config.Issuer, now),
		StatusLists:    lists,
		Fresh:          a.Tailer.Fresh,
		Stopping:       a.stopping,
		Operators:      a.Operators,
		Usage:          a.Usage,
		Audit:          a.Audit,
		Management:     limits.Management,
		Guesses:        limits.GuessAddress,
		SingleSignOn:   signOn,
		ProviderName:   a.Config.OIDCName,
		Sessions:       a.Store.Sessions(),
		Keyring:        a.Keyring,
		Catalogue:      catalogue,
		Issuer:         a.Config.Issuer,
		CORSOrigins:    a.Config.CORSOrigins,
		TrustedProxies: a.Config.trustedProxies(),
		Prepared:       a.prepared.Load,
		Ready:          a.Ready,
		Observer:       a.metrics,
		Tracer:         a.tracer(),
		Metrics:        a.metricsHandler(),
		Console:        frontend.Dist(),
		Now:            now,
		Logger:         a.options.Logger,
	})
	if err != nil {
		return err
	}
	a.measure(cache)
	a.handler = server
	return nil
}

// Migrate brings the schema up to date. A database without a schema is given one, unless Options.Existing is set. Errors: a
// [ConfigError] in that case; those of the store.
func (a *App) Migrate(ctx context.Context) error {
	if a.options.Existing {
		there, _, err := a.Store.Schema(ctx)
		if err != nil {
			return err
		}
		if there == 0 {
			return a.Config.noDatabase()
		}
	}
	return a.Store.Migrate(ctx)
}

// Handler returns the handler of all routes. Until the database is prepared, it answers everything except probes with 503.
func (a *App) Handler() http.Handler { return a.handler }

// Logger returns the logger that the app was built with.
func (a *App) Logger() *slog.Logger { return a.options.Logger }

// Close sends the remaining traces, closes the database connections, and writes the rest of the log. Call it once, after Run has
// returned.
func (a *App) Close() error {
	a.closeTraces()
	err := a.Store.Close()
	if a.lines != nil {
		a.lines.Flush()
	}
	return err
}

// Prepare brings the schema up to date, loads the signing keys, and makes sure that somebody can sign in. If it generates a
// password, it writes it to Options.Output, this one time. Errors: apikey.ErrUnavailable if trying again may help; all others are
// final.
func (a *App) Prepare(ctx context.Context) error {
	if err := a.Store.Migrate(ctx); err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	if err := a.refuseBackup(ctx); err != nil {
		return err
	}
	if a.Config.statusLists() {
		if err := a.Store.GiveStatusIndexes(ctx); err != nil {
			return fmt.Errorf("prepare the status lists: %w", err)
		}
	}
	if err := a.compareClocks(ctx); err != nil { // before anything is ended for good
		return fmt.Errorf("read the database's clock: %w", err)
	}
	// From here on, subscribers are told of changes, so that they miss none that happens while the keys are being loaded.
	if err := a.Tailer.Poll(ctx); err != nil {
		return fmt.Errorf("read the event log: %w", err)
	}
	if err := a.Keyring.Load(ctx, eventlog.Service); errors.Is(err, sealed.ErrWrongKey) {
		return &ConfigError{Prefix + "MASTER_KEY", "is not the master key of this database: " + err.Error()}
	} else if err != nil {
		return fmt.Errorf("load the signing keys: %w", err)
	}
	first, err := a.Operators.EnsureFirst(ctx, a.Config.OperatorEmail, a.Config.OperatorPassword, eventlog.Service)
	if err != nil {
		return fmt.Errorf("create the first operator: %w", err)
	}
	if first.Password != "" {
		a.announce("\n  First operator:  %s\n  Password:        %s\n  It is shown only this once. Set another one with: apikeys operator reset-password %s\n\n", first.Email, first.Password, first.Email)
	}
	if err := a.Tailer.Poll(ctx); err != nil {
		return fmt.Errorf("read the event log: %w", err)
	}
	if err := a.Revoked.Load(ctx); err != nil {
		return fmt.Errorf("read the revocations: %w", err)
	}
	a.prepared.Store(true)
	return nil
}

// announce tells the person at the terminal something that must not be in the log.
func (a *App) announce(format string, args ...any) {
	if a.options.Output == nil {
		return
	}
	if _, err := fmt.Fprintf(a.options.Output, format, args...); err != nil {
		a.options.Logger.Warn("a message for the operator can't be written to standard output", "error", err)
	}
}

// Run listens, prepares the database, retrying until it is reachable, and serves until ctx ends. Then it goes on serving for the
// configured time, so that proxies notice, finishes the running requests, and writes what has only been counted in memory.
func (a *App) Run(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.Config.Listen)
	if err != nil {
		return &ConfigError{Prefix + "LISTEN", "can't be used: " + err.Error()}
	}
	return a.Serve(ctx, listener)
}

// Serve is Run on a listener that is already open. It closes the listener.
func (a *App) Serve(ctx context.Context, listener net.Listener) error {
	server, scheme := a.newServer(a.closeWhileDraining(a.handler)), "http"
	if a.tls != nil {
		server.TLSConfig, scheme = a.tls.config(), "https"
	}
	// The goroutines that serve outlive ctx until this replica has been drained. They end at once when one of them fails.
	group, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	serving, stop := context.WithCancel(failed)
	defer stop()
	// Clients that connect while the database is being prepared wait, rather than being told to try again: a proxy sends requests as
	// soon as there is a listener. If the first attempt fails, or takes longer than prepareHold, serving begins anyway, so that the
	// probes can say why.
	held, release := context.WithTimeout(serving, prepareHold)
	group.Go(func() error {
		<-held.Done()
		serve := server.Serve
		if a.tls != nil {
			serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
		}
		if err := serve(lazyListener{&tellingListener{Listener: listener, log: a.options.Logger, now: a.options.Now}}); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	if a.Config.MetricsListen != "" {
		group.Go(func() error { return a.serveMetrics(serving) })
	}
	group.Go(func() error {
		select {
		case <-ctx.Done():
			a.drain(failed)
		case <-failed.Done():
		}
		stop()
		return a.shutDown(context.WithoutCancel(ctx), server)
	})
	group.Go(func() error {
		if err := a.prepareUntilDone(serving, release); err != nil {
			return err
		}
		if !a.prepared.Load() {
			return nil // ctx ended before the work began
		}
		a.announce("API Keys listens on %s://%s\n", scheme, listener.Addr())
		return a.work(serving)
	})
	return group.Wait()
}

// prepareUntilDone prepares the database, and tries again as long as it can't be reached. It calls tried after each attempt, and
// returns nil when ctx ends.
func (a *App) prepareUntilDone(ctx context.Context, tried func()) error {
	retry := time.NewTicker(prepareRetry)
	defer retry.Stop()
	for {
		err := a.Prepare(ctx)
		tried()
		switch {
		case err == nil || ctx.Err() != nil:
			return nil
		case !errors.Is(err, apikey.ErrUnavailable):
			return err
		}
		a.options.Logger.WarnContext(ctx, "the database can't be prepared; trying again", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-retry.C:
		}
	}
}

// work runs the background tasks until ctx ends. Errors: [eventlog.ErrDiscontinued].
func (a *App) work(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.Tailer.Run(ctx) })
	for _, run := range []func(context.Context){a.Keyring.Run, a.Operators.Run, a.Uses.Run, a.settle} {
		group.Go(func() error {
			run(ctx)
			return nil
		})
	}
	tasks := []struct {
		interval time.Duration
		do       func(context.Context)
	}{
		{retireInterval, a.retire},
		{purgeInterval, a.purge},
		{surveyInterval, a.survey},
		{clockInterval, func(ctx context.Context) { _ = a.compareClocks(ctx) }}, // the metrics of the database show why it fails
	}
	group.Go(func() error {
		// The requests that have waited for the start come first, and need the processors and the open connections. For the same
		// reason, the tasks follow one after the other at first.
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(housekeepingDelay):
		}
		for _, task := range tasks {
			task.do(ctx)
		}
		settleMemory()
		for _, task := range tasks {
			group.Go(func() error {
				repeat(ctx, task.interval, task.do)
				return nil
			})
		}
		return nil
	})
	return group.Wait()
}

// repeat calls do after each interval, until ctx ends.
func repeat(ctx context.Context, interval time.Duration, do func(context.Context)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			do(ctx)
		}
	}
}

// retire retires the secrets whose grace period has ended.
func (a *App) retire(ctx context.Context) { a.Keys.RetireExpired(ctx, a.earliest()) }

// purge deletes what has expired. Of that, only sessions go by this machine's clock alone: losing them costs a sign-in.
func (a *App) purge(ctx context.Context) {
	now := a.earliest()
	a.Keys.PurgeAnswers(ctx, now)
	if err := a.Store.Sessions().Purge(ctx); err != nil && ctx.Err() == nil {
		a.options.Logger.WarnContext(ctx, "ended sessions can't be purged", "error", err)
	}
	if err := a.Usage.Purge(ctx, now, a.Config.UsageDays); err != nil && ctx.Err() == nil {
		a.options.Logger.WarnContext(ctx, "old usage can't be purged", "error", err)
	}
	a.Revoked.Purge()
	if err := a.Store.PurgeRevokedTokens(ctx, now.Add(-revocation.Margin)); err != nil && ctx.Err() == nil {
		a.options.Logger.WarnContext(ctx, "expired tokens can't be purged", "error", err)
	}
}
