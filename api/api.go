// Package api owns HTTP: the routes and what each requires of its caller, sessions and their cookies, the checking of requests
// against the contract, and the one place where errors become responses.
//
// It decides nothing that a program without HTTP would also have to decide: a handler reads its input, calls one use case of
// package apikey, audit, oauth, oidc, operator or usage, and writes the output. Within the service, only this package uses Echo.
//
// openapi.yaml comes first. The management routes are generated from it, and every request to them is checked against it. The
// OAuth routes are written by hand: a token costs one signature, and should cost little else.
package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/piercloud/apikeys/api/internal/oas"
	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/audit"
	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/oauth"
	"github.com/piercloud/apikeys/pkg/oidc"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/revocation"
	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/signing"
	"github.com/piercloud/apikeys/pkg/statuslist"
	"github.com/piercloud/apikeys/pkg/usage"
)

// Options is what the HTTP layer is built on. Every field is required unless its comment says otherwise.
type Options struct {
	Keys      *apikey.Service
	OAuth     *oauth.Server
	Keyring   *signing.Keyring
	Revoked   *revocation.Set
	Snapshots *revocation.Snapshots
	// StatusLists serves verifiers that use Token Status Lists. Optional: without it the routes do not exist.
	StatusLists *statuslist.Lists
	Operators   *operator.Service
	Usage       *usage.Service
	Audit       *audit.Service
	// Management limits how many requests to the management routes an operator or an API key may make. The zero Rate means no limit.
	Management limit.Rate
	// Guesses limits how many sessions and one-time links that do not exist an address may name. The zero Rate means no limit.
	Guesses limit.Rate
	// SingleSignOn signs operators in with an OpenID Connect provider, which the sign-in page calls ProviderName. Optional.
	SingleSignOn *oidc.Client
	ProviderName string
	Sessions     Sessions // must report errors of the database as apikey.ErrUnavailable
	Catalogue    *scope.Catalogue
	// Issuer is the URL of this service. If it is https, cookies are Secure and browsers are told to use only TLS from then on
	// (HSTS).
	Issuer string
	// CORSOrigins are the origins, such as https://console.example.com, whose pages may use this API with the operator's session.
	// They must be same-site with the issuer, since the cookie is SameSite=Lax. None by default.
	CORSOrigins []string
	// TrustedProxies are the networks of the proxies whose X-Forwarded-For is believed. None by default: the peer is the caller.
	TrustedProxies []netip.Prefix
	// Fresh reports whether the event log has been read recently enough to trust what is derived from it.
	Fresh func() bool
	// Stopping is closed when the service is about to stop, so that streams end.
	Stopping <-chan struct{}
	// Prepared reports whether the database has its schema and a signing key. Until then everything except probes is answered with
	// 503.
	Prepared func() bool
	// Ready returns nil when requests can be served, otherwise an error whose text may be shown to anybody.
	Ready func(context.Context) error
	// Observer is told what happens. Optional.
	Observer Observer
	// Tracer traces requests. Optional: without it no work is done for traces.
	Tracer Tracer
	// Metrics serves the metrics to programs on this machine. Optional: without it the route does not exist.
	Metrics http.Handler
	// Console is the console's build: index.html, assets/ and so on. Optional: without index.html the console's pages say how to
	// build it.
	Console fs.FS
	Now     func() time.Time
	Logger  *slog.Logger
}

// server is what the handlers share. New sets its fields, and nothing reassigns them.
type server struct {
	keys      *apikey.Service
	oauth     *oauth.Server
	operators *operator.Service
	usage     *usage.Service
	audit     *audit.Service
	exports   *places[string] // keyed by tenancy
	catalogue *scope.Catalogue
	// management counts requests by operator id or client id, which never coincide.
	management *limit.Buckets[string]
	guesses    *limit.Buckets[netip.Addr]
	sessions   *scs.SessionManager
	// singleSignOn is nil when no provider is configured.
	singleSignOn *oidc.Client
	providerName string
	origins      *http.CrossOriginProtection
	prepared     func() bool
	ready        func(context.Context) error
	console      *console
	observer     Observer // nil if there is none
	accounts     accounts
	https        bool // whether the issuer's scheme is https
	now          func() time.Time
	log          *slog.Logger
}

// reads are the methods of routes that serve a document. For HEAD, net/http leaves out the body (RFC 9110 §9.3.2).
var reads = []string{http.MethodGet, http.MethodHead}

// New returns the service's handler, which is safe for concurrent use. It fails if the contract can't be loaded, an origin is
// malformed, or an operation of the contract has no entry in access.
func New(o Options) (*echo.Echo, error) {
	c, err := loadContract()
	if err != nil {
		return nil, err
	}
	s := &server{
		keys: o.Keys, oauth: o.OAuth, operators: o.Operators, usage: o.Usage, catalogue: o.Catalogue,
		audit: o.Audit, exports: newPlaces[string](exportsMax, exportsMaxFor),
		sessions: newSessions(o.Sessions, strings.HasPrefix(o.Issuer, "https:")), origins: http.NewCrossOriginProtection(),
		management:   limit.New[string](limit.Management, o.Management, o.Now),
		guesses:      limit.New[netip.Addr](limit.GuessAddress, o.Guesses, o.Now),
		singleSignOn: o.SingleSignOn, providerName: o.ProviderName,
		prepared: o.Prepared, ready: o.Ready, console: newConsole(o.Console), now: o.Now, log: o.Logger,
		observer: o.Observer, https: strings.HasPrefix(o.Issuer, "https:"),
	}
	for _, origin := range o.CORSOrigins {
		if err := s.origins.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("cross-origin access: %w", err)
		}
	}

	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = ipExtractor(o.TrustedProxies)
	e.HTTPErrorHandler = s.handleError
	// The outermost comes first. What refuses requests comes last, so that refusals are traced and logged, and pages of other
	// origins can read them.
	if o.Tracer != nil {
		e.Use(traced(o.Tracer))
	}
	e.Use(s.observe)
	if len(o.CORSOrigins) > 0 {
		e.Use(crossOriginAccess(o.CORSOrigins))
	}
	e.Use(s.admit)

	tokenRoutes{o.OAuth}.register(e)
	inquiryRoutes{s}.register(e)
	verifyRoutes{o.OAuth}.register(e)
	revocationRoutes{
		set: o.Revoked, snapshots: o.Snapshots, fresh: o.Fresh, stopping: o.Stopping,
		listeners: newPlaces[netip.Addr](listenersMax, listenersMaxFor), writeMax: streamWriteMax,
		observer: o.Observer,
	}.register(e)
	if o.StatusLists != nil {
		statusListRoutes{o.StatusLists, o.Fresh}.register(e)
	}
	discovery, err := newDiscoveryRoutes(o.Issuer, o.Catalogue, o.Keyring, o.StatusLists != nil)
	if err != nil {
		return nil, err
	}
	discovery.register(e)
	if err := s.registerManagement(e, c); err != nil {
		return nil, err
	}
	s.registerHealth(e)
	s.registerMetrics(e, o.Metrics)
	if err := registerDocs(e); err != nil {
		return nil, err
	}
	return e, nil
}

// registerManagement adds the routes that are generated from the contract. Each reads the whole body, then identifies the caller,
// and only then checks the request, so that strangers learn nothing from error messages.
func (s *server) registerManagement(e *echo.Echo, c *contract) error {
	guards := make(map[string][]echo.MiddlewareFunc, len(c.operations))
	for id, op := range c.operations {
		need, ok := access[id]
		if !ok {
			return errors.New("no access rule for operation " + id)
		}
		guards[id] = append([]echo.MiddlewareFunc{receive(op), s.authorize(need), validate(op)}, compress(id)...)
	}
	oas.RegisterHandlersWithOptions(e, oas.NewStrictHandler(s, nil), oas.RegisterHandlersOptions{OperationMiddlewares: guards})
	return nil
}

// ipExtractor determines the caller's address: the peer's or, if the peer is a trusted proxy, the last one in X-Forwarded-For
// that is not a trusted proxy itself.
func ipExtractor(trusted []netip.Prefix) echo.IPExtractor {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range trusted {
		options = append(options, echo.TrustIPRange(&net.IPNet{
			IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
		}))
	}
	extract := echo.ExtractIPFromXFFHeader(options...)
	return func(r *http.Request) string {
		if forwarded := strings.Join(r.Header.Values(echo.HeaderXForwardedFor), ","); strings.Contains(forwarded, ":") {
			r = &http.Request{RemoteAddr: r.RemoteAddr, Header: http.Header{echo.HeaderXForwardedFor: {withoutPorts(forwarded)}}}
		}
		return extract(r)
	}
}

// withoutPorts removes the ports that some proxies, such as Azure's, append to the addresses in X-Forwarded-For. Echo can't parse
// addresses with ports, and would take the proxy for every caller.
func withoutPorts(forwarded string) string {
	hops := strings.Split(forwarded, ",")
	for i, hop := range hops {
		if a, err := netip.ParseAddrPort(strings.TrimSpace(hop)); err == nil {
			hops[i] = a.Addr().WithZone("").String()
		}
	}
	return strings.Join(hops, ",")
}

// crossOriginAccess lets pages of the given origins, and no others, read answers and send the session's cookie.
func crossOriginAccess(origins []string) echo.MiddlewareFunc {
	return middleware.CORSWithConfig(middleware.CORSConfig{
		// A gateway that asks with the method of the original request would take the middleware's answer to OPTIONS for permission.
		Skipper:          func(c echo.Context) bool { return below(c.Request().URL.Path, verifyPath) },
		AllowOrigins:     origins,
		AllowMethods:     []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete},
		AllowHeaders:     []string{"Authorization", "Content-Type", "If-Match", "Idempotency-Key"},
		ExposeHeaders:    []string{"ETag", "Location", requestIDHeader, "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"},
		AllowCredentials: true,
		MaxAge:           int((10 * time.Minute).Seconds()),
	})
}
