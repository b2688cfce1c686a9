// Package client is the Go client of the management API. It owns how a program authenticates and renews its access token; the
// methods, and the types that they send and receive, are generated from the contract.
//
// Every operation has a method named after it, with the suffix WithResponse. Its result has one field for each response that the
// contract lists (JSON200, ApplicationProblemJSON404 and so on), and the field for the actual response is set.
package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// New returns a client of the service at baseURL, such as "https://keys.example.com". It acts as the API key with this client ID
// and secret. What it may do is bounded by the key's scopes: settings.api-keys:readonly to read, settings.api-keys:editor to make
// changes.
//
// The access token is obtained at the first call and renewed before it expires. If the service refuses it earlier, because the
// key's tokens were revoked or its secret was replaced, the client requests one new token and repeats the call. [WithHTTPClient]
// sets the HTTP client for both calls and token requests. The default one has no timeout: bound each call by its context.
//
// A call fails with an *oauth2.RetrieveError if no token can be obtained, for instance because the key was deactivated. Errors of
// New: a baseURL that is not an http or https URL; an error returned by an option. The client is safe for concurrent use.
func New(baseURL, clientID, clientSecret string, opts ...ClientOption) (*ClientWithResponses, error) {
	base, err := url.Parse(baseURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("the base URL must be an http or https URL")
	}
	base.RawQuery, base.Fragment = "", ""
	c, err := NewClient(base.String(), opts...)
	if err != nil {
		return nil, err
	}
	c.Client = &authenticated{next: c.Client, turn: make(chan struct{}, 1), config: clientcredentials.Config{
		ClientID: clientID, ClientSecret: clientSecret, AuthStyle: oauth2.AuthStyleInHeader,
		TokenURL: strings.TrimSuffix(base.String(), "/") + "/oauth2/token",
	}}
	return &ClientWithResponses{c}, nil
}

// authenticated makes requests with an access token. It is safe for concurrent use.
type authenticated struct {
	next   HttpRequestDoer
	config clientcredentials.Config

	turn  chan struct{} // holds one element while a token is being requested, which takes as long as the server does
	token *oauth2.Token // nil until the first is obtained
}

// Do makes a request.
func (a *authenticated) Do(r *http.Request) (*http.Response, error) {
	token, err := a.tokenUnlike(r.Context(), nil)
	if err != nil {
		return nil, err
	}
	response, err := a.send(r, token)
	if err != nil || response.StatusCode != http.StatusUnauthorized || r.Body != nil && r.GetBody == nil {
		return response, err
	}
	_ = response.Body.Close() // the response says that the token is no longer accepted
	if token, err = a.tokenUnlike(r.Context(), token); err != nil {
		return nil, err
	}
	return a.send(r, token)
}

// send makes the request once, on a copy, so that its body can be sent again.
func (a *authenticated) send(r *http.Request, token *oauth2.Token) (*http.Response, error) {
	attempt := r.Clone(r.Context())
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		attempt.Body = body
	}
	token.SetAuthHeader(attempt)
	return a.next.Do(attempt)
}

// tokenUnlike returns the current token, or a new one if that has expired or is the one that was refused.
func (a *authenticated) tokenUnlike(ctx context.Context, refused *oauth2.Token) (*oauth2.Token, error) {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for an access token: %w", ctx.Err())
	}
	if a.token != refused && a.token.Valid() {
		return a.token, nil
	}
	token, err := a.config.Token(context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: transport{a.next}}))
	if err != nil {
		return nil, fmt.Errorf("obtain an access token: %w", err)
	}
	a.token = token
	return token, nil
}

// transport makes the caller's HTTP client usable as an http.RoundTripper.
type transport struct{ next HttpRequestDoer }

// RoundTrip makes the request.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t.next.Do(r) }
