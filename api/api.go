// Package api owns HTTP: the routes and what each asks of its caller, sessions and their cookies, the checking of requests
// against the contract, and the one place where errors become responses.
//
// It decides nothing that a program without HTTP would have to decide too: a handler reads its input, calls one use case of
// packages apikey, audit, oauth, oidc, operator or usage, and writes the output. Of the service, this package alone uses Echo.
//
// openapi.yaml is written first. The management routes are generated from it and every request to them is checked against
// it; the routes that spend keys are written by hand, since each costs one signature and should cost little else.
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

// Options is what the HTTP layer is built on. Everything is required unless it says otherwise.
type Options struct {
	Keys      *apikey.Service
	OAuth     *oauth.Server
	Keyring   *signing.Keyring
	Revoked   *revocation.Set
	Snapshots *revocation.Snapshots
	// StatusLists are for verifiers that know the standard. Optional: without them the routes do not exist.
	StatusLists *statuslist.Lists
	Operators   *operator.Service
	Usage       *usage.Service
	Audit       *audit.Service
	// Management is how many requests to the management routes an operator or an API key may make. The zero rate is no limit.
	Management limit.Rate
	// SingleSignOn signs operators in with a provider, which is called ProviderName. Optional.
	SingleSignOn *oidc.Client
	ProviderName string
	Sessions     Sessions // errors of the database must be apikey.ErrUnavailable
	Catalogue    *scope.Catalogue
	// Issuer is the URL of this service. When it is https, cookies are Secure and browsers are told to come back with TLS only.
	Issuer string
	// CORSOrigins are the origins, such as https://console.example.com, whose pages may use this API with the operator's
	// session. They must be of the same site as the issuer, since the cookie is SameSite=Lax. None by default.
	CORSOrigins []string
	// TrustedProxies are the networks whose X-Forwarded-For is believed. None by default: the peer is the caller.
	TrustedProxies []netip.Prefix
	// Fresh reports whether the event log has been read recently enough for what is derived from it to be trusted.
	Fresh func() bool
	// Stopping is closed when the service is about to stop, so that streams end.
	Stopping <-chan struct{}
	// Prepared reports whether there are a schema and a signing key. Until then everything but probes is answered 503.
	Prepared func() bool
	// Ready returns nil when requests can be served, else an error whose text may be shown to anybody.
	Ready func(context.Context) error
	// Observer is told what happens. Optional.
	Observer Observer
	// Tracer follows requests. Optional: without it nothing is done for traces.
	Tracer Tracer
	// Metrics serves the metrics to programs on this machine. Optional: without it the route does not exist.
	Metrics http.Handler
	// Console is the console's build: index.html, assets/ and so on. Optional; without index.html its pages say how to
	// build it.
	Console fs.FS
	Now     func() time.Time
	Logger  *slog.Logger
}

// server is what handlers share. It does not change once it is built.
type server struct {
	keys      *apikey.Service
	oauth     *oauth.Server
	operators *operator.Service
	usage     *usage.Service
	audit     *audit.Service
	exports   *places[string] // by tenancy
	catalogue *scope.Catalogue
	// management counts requests by the operator's id or the client id; neither can be the other.
	management *limit.Buckets[string]
	sessions   *scs.SessionManager
	// singleSignOn is nil without a provider.
	singleSignOn *oidc.Client
	providerName string
	origins      *http.CrossOriginProtection
	prepared     func() bool
	ready        func(context.Context) error
	console      *console
	observer     Observer // nil for nobody
	accounts     accounts
	https        bool // the issuer's scheme
	now          func() time.Time
	log          *slog.Logger
}

// reads are the methods of documents that anybody may read (RFC 9110 §9.3.2): net/http leaves the body out where it is HEAD.
var reads = []string{http.MethodGet, http.MethodHead}

// New returns the service's handler, which is safe for concurrent use. Errors: an origin is malformed, or an operation of
// the contract is missing in the table of what operations ask of their callers.
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
	// From the outside in. Refusals come last, so that each is traced and logged, and can be read by pages of other origins.
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

// registerManagement adds the routes that are generated from the contract. Once a request is there as a whole, each first asks
// who calls and then checks the request, so that strangers learn nothing from messages.
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

// ipExtractor says whose address the caller's is: the peer's, or, when the peer is a trusted proxy, the last one in
// X-Forwarded-For that is not a trusted proxy itself.
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

// withoutPorts returns the addresses of X-Forwarded-For without the ports that some proxies, such as Azure's, write behind them.
// Echo would take none of the addresses, and all callers for the proxy.
func withoutPorts(forwarded string) string {
	hops := strings.Split(forwarded, ",")
	for i, hop := range hops {
		if a, err := netip.ParseAddrPort(strings.TrimSpace(hop)); err == nil {
			hops[i] = a.Addr().WithZone("").String()
		}
	}
	return strings.Join(hops, ",")
}

// crossOriginAccess lets pages of the given origins, and of no other, read answers and send the session's cookie.
func crossOriginAccess(origins []string) echo.MiddlewareFunc {
	return middleware.CORSWithConfig(middleware.CORSConfig{
		// Its answer to OPTIONS would be taken for a permission by a gateway that asks with the method of the request.
		Skipper:          func(c echo.Context) bool { return below(c.Request().URL.Path, verifyPath) },
		AllowOrigins:     origins,
		AllowMethods:     []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete},
		AllowHeaders:     []string{"Authorization", "Content-Type", "If-Match", "Idempotency-Key"},
		ExposeHeaders:    []string{"ETag", "Location", requestIDHeader, "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"},
		AllowCredentials: true,
		MaxAge:           int((10 * time.Minute).Seconds()),
	})
}
