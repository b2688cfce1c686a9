package api_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestEveryKindOfResponseHasTheSecurityHeaders(t *testing.T) {
	for issuer, transport := range map[string]string{"https://keys.example.com": "max-age=31536000", "http://localhost:8080": ""} {
		t.Run(issuer, func(t *testing.T) {
			s := onOne(t, map[string]string{"APIKEYS_ISSUER": issuer, "APIKEYS_LIMITS": "sign-in-account=1/1h"})
			c := s.stranger(t)
			c.http.Transport = http.DefaultTransport // some of these requests are not in the contract
			wrong := credentials("admin@example.com", "a-password-that-is-wrong")
			asset := c.get("/docs/swagger-ui.css")
			preflight := c.with("Origin", "https://elsewhere.example").with("Access-Control-Request-Method", "POST")
			for what, a := range map[string]answer{
				"a file": asset, "a file that is the same still": c.with("If-None-Match", asset.Header.Get("ETag")).with("If-Modified-Since", asset.Header.Get("Last-Modified")).get("/docs/swagger-ui.css"),
				"the question what is allowed": preflight.send("OPTIONS", "/v1/api-keys", nil), "signing out": c.delete("/v1/session"), "a method of nobody": c.send("BREW", "/v1/scopes", nil),
				"a credential in the query": c.get("/?access_token=x"),
				"a page":                    c.get("/"), "a page of the console": c.get("/api-keys"), "a file that is not there": c.get("/assets/none.js"),
				"the reference": c.get("/docs/"), "a redirect": c.get("/docs"), "the contract": c.get("/openapi.yaml"),
				"a probe": c.get("/healthz"), "the metrics": c.get("/metrics"), "the metadata": c.get("/.well-known/oauth-authorization-server"),
				"the key set": c.get("/.well-known/jwks.json"), "the revocations": c.get("/v1/revocations"),
				"a stranger's request": c.get("/v1/api-keys"), "no route": c.get("/v1/none"), "a wrong method": c.send("PUT", "/v1/scopes", nil),
				"a wrong password": c.post("/v1/session", wrong), "too many attempts": c.post("/v1/session", wrong),
				"a vendor's error": c.post("/auth", "{"), "an OAuth error": c.post("/oauth2/token", nil), "a gateway's question": c.get("/oauth2/verify"),
				"a misspelt question": c.get("/oauth2/verify?scopes=x"), "a question of two tokens": c.with("Authorization", "Bearer a").get("/oauth2/verify"),
				"a question with a body too large": c.post("/oauth2/verify", strings.Repeat(" ", 1<<20+1)),
				"a body too large":                 c.post("/auth", strings.Repeat(" ", 1<<20+1)),
			} {
				h := a.Header
				if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Request-Id") == "" ||
					h.Get("Cross-Origin-Opener-Policy") != "same-origin" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" ||
					h.Get("Permissions-Policy") == "" || h.Get("Strict-Transport-Security") != transport {
					t.Errorf("%s (%d): the headers are %v", what, a.StatusCode, h)
				}
				policy := h.Get("Content-Security-Policy")
				if !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe-inline") || strings.Contains(policy, "unsafe-eval") {
					t.Errorf("%s (%d): the policy is %q", what, a.StatusCode, policy)
				}
			}
		})
	}
}
