package oidc

import "time"

// SetTimeout changes the time limit of requests to the provider.
func (c *Client) SetTimeout(d time.Duration) { c.http.Timeout = d }

// Timeout returns the time limit of requests to the provider.
func (c *Client) Timeout() time.Duration { return c.http.Timeout }

// Trusts reports whether an endpoint is trusted when the provider has this issuer URL.
func Trusts(issuer, endpoint string) bool {
	return (&Client{config: Config{Issuer: issuer}}).trusts(endpoint)
}

// LookUp returns a claim.
func LookUp(claims map[string]any, path string) any { return lookUp(claims, path) }

// Of returns the role that a person with these values gets.
func (r Roles) Of(values ...string) string { return string(r.of(values)) }
