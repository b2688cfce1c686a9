package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/signing"
)

// Verdict says how a check turned out.
type Verdict string

// The verdicts.
const (
	Fine    Verdict = "ok"
	Warning Verdict = "warning" // it works, but may not be what was intended
	Problem Verdict = "problem" // it does not work, or is not safe
)

// Finding is the result of one check. It holds no secrets.
type Finding struct {
	Check   string  `json:"check"`
	Verdict Verdict `json:"status"`
	Detail  string  `json:"detail"`
	Remedy  string  `json:"remedy,omitempty"` // what to do about it
}

// Bounds of what the doctor finds fine.
const (
	skewTolerated   = time.Second
	skewMax         = 5 * time.Second // what resource servers tolerate
	verifiedEvents  = 10_000          // at the end of the log
	diagnoseTimeout = time.Minute
)

// doctor collects findings.
type doctor struct {
	config   Config
	findings []Finding
}

func (d *doctor) fine(check, format string, args ...any) {
	d.findings = append(d.findings, Finding{check, Fine, fmt.Sprintf(format, args...), ""})
}

func (d *doctor) warn(check, remedy, format string, args ...any) {
	d.findings = append(d.findings, Finding{check, Warning, fmt.Sprintf(format, args...), remedy})
}

func (d *doctor) problem(check, remedy, format string, args ...any) {
	d.findings = append(d.findings, Finding{check, Problem, fmt.Sprintf(format, args...), remedy})
}

// Diagnose examines a configuration and what it names, and changes nothing. failure is the error of [LoadConfig].
func Diagnose(ctx context.Context, c Config, failure error) []Finding {
	ctx, cancel := context.WithTimeout(ctx, diagnoseTimeout)
	defer cancel()
	d := &doctor{config: c}
	d.checkNames()
	if failure != nil {
		for _, err := range unjoin(failure) {
			d.problem("configuration", "set it as described in README.md", "%v", err)
		}
		return d.findings
	}
	startable := d.checkStart(ctx)
	d.checkTLS()
	d.checkProxies()
	d.checkIssuer(ctx)
	d.checkProvider(ctx)
	d.checkSecretFiles()
	if d.checkFiles() && startable {
		d.checkService(ctx)
	}
	return d.findings
}

// unjoin returns the single errors of a joined one.
func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, unjoin(e)...)
		}
		return all
	}
	return []error{err}
}

// checkStart builds what the service builds before it needs its database, and reports whether that is possible. The certificate
// has a check of its own.
func (d *doctor) checkStart(ctx context.Context) bool {
	_, err := d.config.catalogue()
	traces, tracesErr := newTracing(slog.New(slog.DiscardHandler))
	if traces != nil {
		_ = traces.Shutdown(ctx) // nothing was traced
	}
	if err = errors.Join(err, tracesErr); err != nil {
		for _, err := range unjoin(err) {
			d.problem("configuration", "set it as described in README.md", "%v", err)
		}
		return false
	}
	d.fine("configuration", "all variables of the service are valid")
	return true
}

// checkService builds the service and examines its database.
func (d *doctor) checkService(ctx context.Context) {
	a, err := New(d.config, Options{Existing: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		for _, err := range unjoin(err) {
			d.problem("configuration", "", "%v", err)
		}
		return
	}
	defer func() { _ = a.Close() }() // nothing was written
	there, known, err := a.Store.Schema(ctx)
	switch {
	case err != nil:
		d.problem("database", "check "+Prefix+"DATABASE_URL, the network, and that the server is running", "can't be reached: %v", err)
		return
	case there > known:
		d.warn("database", "nothing, if this is the release before the one that migrated the database; otherwise run that one, or a newer one",
			"its schema has version %d, and this release knows version %d", there, known)
	case there < known:
		d.warn("database", "run apikeys migrate, or start the service", "its schema has version %d of %d: migrations are pending, and nothing else was checked", there, known)
		return
	default:
		d.fine("database", "answers; its schema has version %d, the newest", there)
	}
	d.checkClock(ctx, a)
	d.checkMasterKey(ctx, a)
	d.checkSigningKeys(ctx, a)
	d.checkLog(ctx, a)
	switch err := a.refuseBackup(ctx); {
	case errors.Is(err, ErrNotInService):
		d.problem("backup", "run apikeys restore", "%v", err)
	case err != nil:
		d.problem("backup", "", "%v", err)
	}
}

func (d *doctor) checkClock(ctx context.Context, a *App) {
	ahead, err := a.clockAhead(ctx)
	if err != nil {
		d.problem("clock", "", "the database's clock can't be read: %v", err)
		return
	}
	d.judgeClock(ahead.Abs())
}

func (d *doctor) judgeClock(skew time.Duration) {
	const remedy = "synchronize the clocks of this machine and of the database with NTP"
	switch skew = max(skew, 0).Round(time.Millisecond); {
	case skew > skewMax:
		d.problem("clock", remedy, "differs from the database's by %v", skew)
	case skew > skewTolerated:
		d.warn("clock", remedy, "differs from the database's by %v", skew)
	default:
		d.fine("clock", "agrees with the database's")
	}
}

// opens returns nil if an app can open everything that is sealed.
func opens(ctx context.Context, a *App) error {
	return errors.Join(a.Keyring.Check(ctx), a.Keys.CheckAnswers(ctx))
}

func (d *doctor) checkMasterKey(ctx context.Context, a *App) {
	switch err := opens(ctx, a); {
	case errors.Is(err, apikey.ErrUnavailable):
		d.problem("master key", "", "the data that it encrypts can't be read: %v", err)
		return
	case err != nil:
		d.problem("master key", "configure the key that this database was used with, as "+Prefix+"MASTER_KEY_PREVIOUS if it is being replaced", "does not decrypt what is in the database: %v", err)
		return
	}
	if d.config.MasterKeyPrevious != "" {
		const previous = Prefix + "MASTER_KEY_PREVIOUS"
		if d.opensAlone(ctx) { // it is the old key, which has been replaced, or the new one, which nobody uses yet
			d.warn("master key", "after step 1 of docs/operations/master-key.md, go on with step 2; after step 3, remove it", "%s decrypts nothing that %sMASTER_KEY does not", previous, Prefix)
		} else {
			d.warn("master key", "when all replicas have this configuration, run apikeys rotate-master-key; then remove it", "%s decrypts what %sMASTER_KEY does not", previous, Prefix)
		}
		return
	}
	d.fine("master key", "decrypts everything that is encrypted")
}

// opensAlone reports whether the master key opens everything without the previous one.
func (d *doctor) opensAlone(ctx context.Context) bool {
	config := d.config
	config.MasterKeyPrevious = ""
	a, err := New(config, Options{Existing: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return false
	}
	defer func() { _ = a.Close() }() // nothing was written
	return opens(ctx, a) == nil
}

func (d *doctor) checkSigningKeys(ctx context.Context, a *App) {
	records, err := a.Store.SigningKeys(ctx)
	if err != nil {
		d.problem("signing keys", "", "can't be read: %v", err)
		return
	}
	now := time.Now()
	var newest signing.Record // of those that sign or will sign
	for i, state := range signing.States(records, now) {
		if state != signing.Signs && state != signing.Waits {
			continue
		}
		newest = records[i]
		if newest.NotBefore.After(now.Add(signing.PublishLead + skewMax)) {
			d.problem("signing keys", "correct the clock that was ahead when the key was made, then run apikeys signing-key rotate",
				"%s signs only from %s on, and no other key is made before then", newest.KID, newest.NotBefore.Format(time.DateOnly))
			return
		}
	}
	if newest.KID == "" {
		d.fine("signing keys", "none yet; the first start makes one")
		return
	}
	if age := now.Sub(newest.NotBefore); age > signing.Period {
		d.warn("signing keys", "start the service, which rotates them, or run apikeys signing-key rotate", "the newest, %s, has been signing for %d days", newest.KID, int(age.Hours()/24))
		return
	}
	d.fine("signing keys", "the newest, %s, signs from %s on", newest.KID, newest.NotBefore.Format(time.DateOnly))
}

// checkLog verifies the end of the event log. The command verify-log verifies all of it.
func (d *doctor) checkLog(ctx context.Context, a *App) {
	head, err := a.Store.Head(ctx)
	base, baseErr := a.Store.Base(ctx)
	if err := errors.Join(err, baseErr); err != nil {
		d.problem("event log", "", "can't be read: %v", err)
		return
	}
	from := base.Head
	if begin := head.Seq - verifiedEvents; begin > base.Seq {
		events, err := a.Store.After(ctx, begin-1, 1)
		if err != nil {
			d.problem("event log", "", "can't be read at event %d: %v", begin, err)
			return
		}
		if len(events) == 0 {
			d.problem("event log", "run apikeys verify-log", "lacks event %d", begin)
			return
		}
		from = eventlog.Head{Seq: events[0].Seq, Hash: events[0].Hash}
	}
	if _, err := eventlog.Verify(ctx, a.Store, from); err != nil {
		d.problem("event log", "find out who could write to the database, and restore a backup", "does not verify: %v", err)
		return
	}
	d.fine("event log", "the last %d events verify", head.Seq-from.Seq)
}
