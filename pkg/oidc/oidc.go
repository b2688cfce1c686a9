// Package oidc signs operators in with an OpenID Connect provider: the authorization code flow with PKCE, as a relying party of a
// single provider, which is found by discovery.
//
// It owns the flow from the redirect to the provider to the verified identity, and what the provider's claims mean for an
// operator's role. Package operator decides which operator that identity is, and whether they may sign in. Routes and cookies
// belong to package api: a flow is given to the browser in sealed form to bring back, so that any replica can finish what another
// one began, and none has to remember it.
//
// The provider is contacted only when somebody signs in with it. If it is down, nothing else is affected.
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

// Config describes how this service is registered with a provider, and what the provider's claims mean.
type Config struct {
	Issuer        string   // the provider's URL, exactly as it appears in its tokens
	ClientID      string   // of this service at the provider
	ClientSecret  string   // empty for a public client
	RedirectURL   string   // of this service, where the provider sends browsers back to
	Scopes        []string // must include openid
	RoleClaim     string   // the claim whose values Roles maps; dots lead into objects
	VerifiedClaim string   // the claim that says whether the e-mail address is verified
	Roles         Roles
}

// Failure says why a sign-in yielded no identity. Its text is stable, because the console has a message for each.
type Failure string

// The failures.
const (
	Unavailable Failure = "provider-unavailable" // the provider does not answer
	Expired     Failure = "flow-expired"         // not begun in this browser, or too long ago
	Denied      Failure = "access-denied"        // the person or the provider refused
	Invalid     Failure = "invalid-response"     // the provider's response is not valid
)

// FailedError says why a sign-in yielded no identity. Its text contains no secret, code or token.
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

// Client signs people in with one provider. It is safe for concurrent use.
type Client struct {
	config    Config
	operators *operator.Service
	flows     *sealed.Box
	http      *http.Client
	now       func() time.Time
	found     atomic.Pointer[provider] // nil until the provider is found, and after something went wrong with it
}

// New returns a client of a provider, which need not be available yet. flows seals what browsers keep during a sign-in; use a
// separate key for it, because strangers can cause any number of seals.
func New(c Config, operators *operator.Service, flows *sealed.Box, now func() time.Time) *Client {
	return &Client{config: c, operators: operators, flows: flows, http: newHTTPClient(), now: now}
}

// Discover discovers the provider, unless that has been done before, and reports whether a sign-in could begin there. Whether the
// provider knows this client can't be found out before somebody signs in. Errors: [FailedError].
func (c *Client) Discover(ctx context.Context) error {
	_, err := c.provider(ctx)
	return err
}

// Start is what the browser needs to begin a sign-in.
type Start struct {
	URL  string // at the provider, where the browser goes
	Flow string // what the browser keeps for [FlowLifetime] and nobody else may see; up to [FlowMax] letters, digits, - and _
}

// Begin starts a sign-in that ends at a path of the console. Errors: [operator.InvalidError] for returnTo, limit.ExceededError,
// [FailedError].
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

// Answer is what the provider sends by way of the browser (RFC 6749 §4.1.2, RFC 9207). All of it is untrusted: anybody may have
// made it up.
type Answer struct {
	State  string
	Code   string
	Error  string
	Issuer string
}

// Finish completes a sign-in that Begin started; flow is what the browser kept. It returns the operator, and the path that Begin
// was given, even with an error if the flow could be read. Errors: limit.ExceededError, [FailedError], [operator.RefusedError].
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

// redeem exchanges the provider's answer for what the provider has proven. Errors: [FailedError].
func (c *Client) redeem(ctx context.Context, f flow, a Answer) (operator.Assertion, error) {
	// This comes first, so that an answer that does not belong to this browser causes the provider no work (RFC 6749 §10.12).
	if subtle.ConstantTimeCompare([]byte(f.State), []byte(a.State)) != 1 {
		return operator.Assertion{}, failed(Expired, "the state does not belong to this browser")
	}
	p, err := c.provider(ctx)
	if err != nil {
		return operator.Assertion{}, err
	}
	// The answer of another authorization server must not be redeemed at this one (RFC 9207 §2.4).
	if a.Issuer != "" && a.Issuer != c.config.Issuer || a.Issuer == "" && p.namesIssuer {
		return operator.Assertion{}, failed(Invalid, "the answer's iss is missing or names another issuer")
	}
	switch {
	case a.Error == "access_denied":
		return operator.Assertion{}, failed(Denied, "the provider answered access_denied")
	case a.Error != "":
		return operator.Assertion{}, failed(Invalid, "the provider answered %s", errorWord(a.Error))
	case a.Code == "":
		return operator.Assertion{}, failed(Invalid, "the provider's answer has no code")
	}
	idToken, userInfo, err := p.exchange(ctx, a.Code, f)
	if err != nil {
		c.found.Store(nil) // the provider may have moved
		return operator.Assertion{}, err
	}
	return c.config.assertion(idToken, userInfo), nil
}

// isLocalPath accepts an absolute path of this origin, with or without a query and a fragment. It rejects what a browser would
// resolve to another origin: two slashes, and backslashes and control characters, which browsers treat as slashes or drop.
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

// errorCode is the form of an OAuth 2.0 error code.
var errorCode = regexp.MustCompile(`^[a-z_]{1,40}$`)

// errorWord returns an error code in a form that is safe to log.
func errorWord(code string) string {
	if errorCode.MatchString(code) {
		return code
	}
	return "an error that is none of OAuth 2.0"
}
