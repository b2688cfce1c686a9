// Package oidc signs operators in with an OpenID Connect provider: the authorization code flow with PKCE, as a relying
// party of one provider that is found by discovery.
//
// It owns the flow from the redirect to the provider to the verified identity, and what the provider's claims mean for an
// operator's role. Who that identity is here, and whether they may come in, is decided by package operator. Routes and
// cookies belong to package api: a flow is handed out sealed, for the browser to bring back, so that any replica can finish
// what another one began and none has to remember it.
//
// The provider is asked only when somebody signs in with it. While it is away nothing else is.
package oidc

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/sealed"
)

// Config is how this service is registered with a provider, and what its claims mean.
type Config struct {
	Issuer        string   // the provider's URL, exactly as it writes it in its tokens
	ClientID      string   // of this service there
	ClientSecret  string   // empty for a public client
	RedirectURL   string   // of this service, where the provider sends browsers back to
	Scopes        []string // with openid among them
	RoleClaim     string   // whose values Roles maps; dots lead into objects
	VerifiedClaim string   // that says whether the e-mail address is verified
	Roles         Roles
}

// Failure says why a sign-in came to no identity. Its text is stable: the console has words for each.
type Failure string

// The failures.
const (
	Unavailable Failure = "provider-unavailable" // the provider does not answer
	Expired     Failure = "flow-expired"         // not begun in this browser, or too long ago
	Denied      Failure = "access-denied"        // the person or the provider said no
	Invalid     Failure = "invalid-response"     // what the provider sent does not hold
)

// FailedError says why a sign-in came to no identity. Its text holds no secret, code or token.
type FailedError struct {
	Code  Failure
	cause error
}

func (e *FailedError) Error() string { return fmt.Sprintf("%s: %v", e.Code, e.cause) }

// Unwrap returns the cause.
func (e *FailedError) Unwrap() error { return e.cause }

func failed(code Failure, format string, args ...any) error {
	return &FailedError{code, fmt.Errorf(format, args...)}
}

// Client signs people in at one provider. It is safe for concurrent use.
type Client struct {
	config    Config
	operators *operator.Service
	flows     *sealed.Box
	http      *http.Client
	now       func() time.Time
	found     atomic.Pointer[provider] // nil until the provider was found, and after something went wrong with it
}

// New returns a client of a provider, which need not be there yet. flows seals what browsers keep during a sign-in; use a
// key of its own for it, as strangers can have any number sealed.
func New(c Config, operators *operator.Service, flows *sealed.Box, now func() time.Time) *Client {
	return &Client{config: c, operators: operators, flows: flows, http: newHTTPClient(), now: now}
}

// Discover looks for the provider, unless it was found before, and reports whether a sign-in could begin there. Whether the
// provider knows this client is not to be found out without somebody who signs in. Errors: [FailedError].
func (c *Client) Discover(ctx context.Context) error {
	_, err := c.provider(ctx)
	return err
}

// Start is how a sign-in begins.
type Start struct {
	URL  string // at the provider, where the browser goes
	Flow string // what the browser keeps and nobody else may see, for [FlowLifetime]; up to [FlowMax] letters, digits, - and _
}

// Begin starts a sign-in that leads back to a path of the console. Errors: [operator.InvalidError] for returnTo,
// limit.ExceededError, [FailedError].
func (c *Client) Begin(ctx context.Context, returnTo string, origin eventlog.Origin) (Start, error) {
	if !isLocalPath(returnTo) {
		return Start{}, &operator.InvalidError{Field: "return_to", Message: "must be a path of this console"}
	}
	if err := c.operators.Admit(origin); err != nil {
		return Start{}, err
	}
	f := newFlow(returnTo, c.now())
	kept, err := f.seal(c.flows)
	if err != nil {
		return Start{}, err
	}
	p, err := c.provider(ctx)
	if err != nil {
		return Start{}, err
	}
	return Start{URL: p.oauth.AuthCodeURL(f.State, p.nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), Flow: kept}, nil
}

// Answer is what the provider has the browser bring (RFC 6749 §4.1.2, RFC 9207). All of it is anybody's word.
type Answer struct {
	State  string
	Code   string
	Error  string
	Issuer string
}

// Finish ends a sign-in that Begin started: flow is what the browser kept. It returns the operator, and the path that
// Begin was given, also with an error if the flow could be read. Errors: limit.ExceededError, [FailedError],
// [operator.RefusedError].
func (c *Client) Finish(ctx context.Context, flow string, a Answer, origin eventlog.Origin) (operator.Operator, string, error) {
	if err := c.operators.Admit(origin); err != nil {
		return operator.Operator{}, "", err
	}
	f, err := openFlow(flow, c.flows, c.now())
	if err != nil {
		return operator.Operator{}, "", err
	}
	assertion, err := c.redeem(ctx, f, a)
	if err != nil {
		return operator.Operator{}, f.ReturnTo, err
	}
	o, err := c.operators.SignInAs(ctx, assertion, origin)
	return o, f.ReturnTo, err
}

// redeem makes of the provider's answer what it has proven. Errors: [FailedError].
func (c *Client) redeem(ctx context.Context, f flow, a Answer) (operator.Assertion, error) {
	// Before anything else, so that an answer which is not this browser's costs the provider nothing (RFC 6749 §10.12).
	if subtle.ConstantTimeCompare([]byte(f.State), []byte(a.State)) != 1 {
		return operator.Assertion{}, failed(Expired, "the state is not that of this browser")
	}
	p, err := c.provider(ctx)
	if err != nil {
		return operator.Assertion{}, err
	}
	// The answer of another authorization server must not be taken to this one (RFC 9207 §2.4).
	if a.Issuer != "" && a.Issuer != c.config.Issuer || a.Issuer == "" && p.namesIssuer {
		return operator.Assertion{}, failed(Invalid, "the answer is not the provider's own: its iss is missing or another one")
	}
	switch {
	case a.Error == "access_denied":
		return operator.Assertion{}, failed(Denied, "the provider answers access_denied")
	case a.Error != "":
		return operator.Assertion{}, failed(Invalid, "the provider answers %s", errorWord(a.Error))
	case a.Code == "":
		return operator.Assertion{}, failed(Invalid, "the provider's answer has no code")
	}
	claims, err := p.exchange(ctx, a.Code, f)
	if err != nil {
		c.found.Store(nil) // it may have moved
		return operator.Assertion{}, err
	}
	return c.config.assertion(claims), nil
}

// isLocalPath accepts an absolute path of this origin, with a query and a fragment or without. What a browser would make
// another origin of is refused: two slashes, and backslashes and control characters, which it takes for slashes or drops.
func isLocalPath(path string) bool {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return false
	}
	if strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f && r <= 0x9f }) {
		return false
	}
	u, err := url.Parse(path)
	return err == nil && u.Scheme == "" && u.Host == "" && u.User == nil
}

// errorCode is what an error code of OAuth 2.0 looks like.
var errorCode = regexp.MustCompile(`^[a-z_]{1,40}$`)

// errorWord returns an error code as it may be logged.
func errorWord(code string) string {
	if errorCode.MatchString(code) {
		return code
	}
	return "an error that is none of OAuth 2.0"
}
