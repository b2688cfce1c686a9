package oidc

import "time"

// SetTimeout bounds requests to the provider otherwise than for people.
func (c *Client) SetTimeout(d time.Duration) { c.http.Timeout = d }

// Timeout returns what bounds a request to the provider.
func (c *Client) Timeout() time.Duration { return c.http.Timeout }

// Trusts reports whether a provider's endpoint is trusted.
func Trusts(issuer, endpoint string) bool {
	return (&Client{config: Config{Issuer: issuer}}).trusts(endpoint)
}

// LookUp returns a claim.
func LookUp(claims map[string]any, path string) any { return lookUp(claims, path) }

// Of returns the role that values give.
func (r Roles) Of(values ...string) string { return string(r.of(values)) }
