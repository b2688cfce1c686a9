package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	coreos "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Bounds on what a provider can cost.
const (
	requestTimeout = 10 * time.Second
	answerBytesMax = 1 << 20
)

// subjectMax bounds a subject, in bytes (OpenID Connect Core 1.0 §2).
const subjectMax = 255

// newHTTPClient returns a client that follows no redirects, since a secret or a code would be sent along, and that bounds the
// size and the duration of responses.
func newHTTPClient() *http.Client {
	return &http.Client{
		Timeout: requestTimeout, Transport: boundedTransport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type boundedTransport struct{}

// RoundTrip implements http.RoundTripper.
func (boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{http.MaxBytesReader(nil, response.Body, answerBytesMax), response.Body}
	return response, nil
}

// provider is a provider that was found by discovery.
type provider struct {
	*coreos.Provider
	oauth       oauth2.Config
	verifier    *coreos.IDTokenVerifier
	http        *http.Client
	namesIssuer bool // its answers name their issuer (RFC 9207 §3)
	asksFor     []string
}

// provider returns the provider, after discovering it if necessary. Errors: [FailedError].
func (c *Client) provider(ctx context.Context) (*provider, error) {
	if p := c.found.Load(); p != nil {
		return p, nil
	}
	found, err := coreos.NewProvider(coreos.ClientContext(ctx, c.http), c.config.Issuer)
	if err != nil {
		return nil, failed(Unavailable, "discover the provider: %s", briefly(err))
	}
	var metadata struct {
		Authorization string   `json:"authorization_endpoint"`
		Token         string   `json:"token_endpoint"`
		Keys          string   `json:"jwks_uri"`
		UserInfo      string   `json:"userinfo_endpoint"`
		NamesIssuer   bool     `json:"authorization_response_iss_parameter_supported"`
		Methods       []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := found.Claims(&metadata); err != nil {
		return nil, failed(Unavailable, "read the provider's metadata: %s", briefly(err))
	}
	for _, endpoint := range []string{metadata.Authorization, metadata.Token, metadata.Keys} {
		if !c.trusts(endpoint) {
			return nil, failed(Unavailable, "an endpoint in the provider's metadata is missing or does not use TLS")
		}
	}
	if metadata.UserInfo != "" && !c.trusts(metadata.UserInfo) {
		return nil, failed(Unavailable, "the provider's userinfo endpoint does not use TLS")
	}
	endpoint := found.Endpoint()
	endpoint.AuthStyle = c.authStyle(metadata.Methods)
	p := &provider{
		Provider: found,
		oauth: oauth2.Config{
			ClientID: c.config.ClientID, ClientSecret: c.config.ClientSecret, Endpoint: endpoint,
			RedirectURL: c.config.RedirectURL, Scopes: c.config.Scopes,
		},
		verifier: found.Verifier(&coreos.Config{ClientID: c.config.ClientID, Now: c.now}),
		http:     c.http, namesIssuer: metadata.NamesIssuer,
		asksFor: []string{emailClaim, c.config.VerifiedClaim, c.config.RoleClaim},
	}
	c.found.Store(p)
	return p, nil
}

// trusts reports whether an endpoint is an absolute URL with TLS, which is not required if the provider itself has none.
func (c *Client) trusts(endpoint string) bool {
	u, err := url.Parse(endpoint)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && strings.HasPrefix(c.config.Issuer, "http:"))
}

// authStyle says how to authenticate at the token endpoint (OpenID Connect Core 1.0 §9): with HTTP Basic, the default, or in the
// body. It is not determined by trial, because that would send the code twice.
func (c *Client) authStyle(methods []string) oauth2.AuthStyle {
	basic := len(methods) == 0 || slices.Contains(methods, "client_secret_basic")
	if c.config.ClientSecret == "" || !basic && slices.Contains(methods, "client_secret_post") {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}

func (*provider) nonce(nonce string) oauth2.AuthCodeOption { return coreos.Nonce(nonce) }

// exchange redeems the code for an ID token and returns its claims, along with those of the userinfo endpoint if any that are
// needed are missing and the provider has one. Errors: [FailedError].
func (p *provider) exchange(ctx context.Context, code string, f flow) (idToken, userInfo map[string]any, err error) {
	ctx = coreos.ClientContext(ctx, p.http)
	tokens, err := p.oauth.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return nil, nil, exchangeFailed(err)
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok {
		return nil, nil, failed(Invalid, "the token endpoint returned no ID token")
	}
	token, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, nil, failed(Invalid, "the ID token is not valid: %s", briefly(err))
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(f.Nonce)) != 1 {
		return nil, nil, failed(Invalid, "the ID token was issued for another sign-in")
	}
	if n := len(token.Subject); n < 1 || n > subjectMax {
		return nil, nil, failed(Invalid, "the ID token's subject has %d bytes", n)
	}
	if err := token.Claims(&idToken); err != nil {
		return nil, nil, failed(Invalid, "read the ID token: %s", briefly(err))
	}
	// OpenID Connect Core 1.0 §3.1.3.7, items 4 and 5: if the token has several audiences, or names the party it was issued to,
	// that must be this client.
	if party, named := idToken["azp"]; named && party != p.oauth.ClientID || !named && len(token.Audience) > 1 {
		return nil, nil, failed(Invalid, "the ID token was issued to another client")
	}
	// Some providers return groups, or everything except the subject, only at the userinfo endpoint.
	missing := slices.ContainsFunc(p.asksFor, func(claim string) bool { return lookUp(idToken, claim) == nil })
	if missing && p.UserInfoEndpoint() != "" {
		userInfo, err = p.userInfo(ctx, token.Subject, tokens)
	}
	return idToken, userInfo, err
}

// userInfo returns the subject's claims from the userinfo endpoint. Errors: [FailedError].
func (p *provider) userInfo(ctx context.Context, subject string, tokens *oauth2.Token) (map[string]any, error) {
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if unreachable, ok := errors.AsType[*url.Error](err); ok {
		return nil, failed(Unavailable, "call the userinfo endpoint: %s", briefly(unreachable.Err))
	}
	if err != nil { // its text is the endpoint's response, which may repeat the access token
		return nil, failed(Unavailable, "the userinfo endpoint did not return the person's claims")
	}
	if info.Subject != subject { // OpenID Connect Core 1.0 §5.3.2
		return nil, failed(Invalid, "the userinfo endpoint's subject is not that of the ID token")
	}
	var claims map[string]any
	if err := info.Claims(&claims); err != nil {
		return nil, failed(Invalid, "read the userinfo endpoint's answer: %s", briefly(err))
	}
	return claims, nil
}

// exchangeFailed says why no tokens were obtained. The provider's description may repeat the code, so only its error code is
// kept.
func exchangeFailed(err error) error {
	var refused *oauth2.RetrieveError
	switch {
	case !errors.As(err, &refused):
		return failed(Unavailable, "call the token endpoint: %s", briefly(err))
	case refused.Response.StatusCode >= http.StatusInternalServerError, refused.Response.StatusCode == http.StatusTooManyRequests:
		return failed(Unavailable, "the token endpoint answered %d", refused.Response.StatusCode)
	default:
		return failed(Invalid, "the token endpoint answered %d with %s", refused.Response.StatusCode, errorWord(refused.ErrorCode))
	}
}

// briefly returns the beginning of an error's text, because the library puts whole responses into some.
func briefly(err error) string { return fmt.Sprintf("%.200s", err) }
