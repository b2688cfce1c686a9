package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// publicURL is the public URL of the service in these tests, which the clients of [reachedAt] can reach.
const publicURL = "http://keys.example.test"

// reachedAt returns an HTTP client that reaches the service under every host name, as if by DNS and a proxy.
func reachedAt(s *service) *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, s.address)
	}}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// accessClaims holds the claims of a token (RFC 9068 §2.2).
type accessClaims struct {
	Issuer     string `json:"iss"`
	Audience   string `json:"aud"`
	Subject    string `json:"sub"`
	ClientID   string `json:"client_id"`
	TenancyID  string `json:"tenancy_id"`
	Scope      string `json:"scope"`
	IssuedAt   int64  `json:"iat"`
	NotBefore  int64  `json:"nbf"`
	ExpiresAt  int64  `json:"exp"`
	TokenID    string `json:"jti"`
	Generation int64  `json:"gen"`
}

func TestStockClientsObtainAndVerifyTokens(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, e environment) {
		s := start(t, e.with("APIKEYS_ISSUER", publicURL, "APIKEYS_AUDIENCE", "https://api.example.test"))
		scopes := []string{"cca:editor", "lighthouse.workspaces:readonly"}
		key := signIn(s).create("ERP integration", scopes...)
		ctx := oidc.ClientContext(context.WithValue(t.Context(), oauth2.HTTPClient, reachedAt(s)), reachedAt(s))
		provider, err := oidc.NewProvider(ctx, publicURL)
		if err != nil {
			t.Fatal(err)
		}

		for name, style := range map[string]oauth2.AuthStyle{
			"in the header":   oauth2.AuthStyleInHeader,
			"in the body":     oauth2.AuthStyleInParams,
			"found by trying": oauth2.AuthStyleAutoDetect,
		} {
			t.Run(name, func(t *testing.T) {
				config := clientcredentials.Config{
					ClientID: key.ClientID, ClientSecret: key.ClientSecret, TokenURL: provider.Endpoint().TokenURL, AuthStyle: style,
				}
				token, err := config.Token(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if token.TokenType != "Bearer" || token.Extra("scope") != strings.Join(scopes, " ") {
					t.Errorf("token_type %q, scope %q", token.TokenType, token.Extra("scope"))
				}
				if left := time.Until(token.Expiry); left > time.Hour || left < time.Hour-time.Minute {
					t.Errorf("the client takes the token to expire in %v, not in an hour", left)
				}
				verifyToken(ctx, t, provider, key, token.AccessToken, strings.Join(scopes, " "))
			})
		}

		t.Run("a part of the scopes", func(t *testing.T) {
			config := clientcredentials.Config{
				ClientID: key.ClientID, ClientSecret: key.ClientSecret, TokenURL: provider.Endpoint().TokenURL,
				Scopes: []string{"cca:readonly"},
			}
			token, err := config.Token(ctx)
			if err != nil {
				t.Fatal(err)
			}
			verifyToken(ctx, t, provider, key, token.AccessToken, "cca:readonly")
		})

		t.Run("a wrong secret", func(t *testing.T) {
			config := clientcredentials.Config{
				ClientID: key.ClientID, ClientSecret: key.ClientSecret + "x", TokenURL: provider.Endpoint().TokenURL,
			}
			_, err := config.Token(ctx)
			refused, ok := err.(*oauth2.RetrieveError) //nolint:errorlint // the library returns it as it is
			if !ok || refused.ErrorCode != "invalid_client" || refused.Response.StatusCode != http.StatusUnauthorized {
				t.Errorf("%v, want invalid_client", err)
			}
		})
	})
}

// verifyToken checks a token with the provider's key set and with its verifier, and checks the claims.
func verifyToken(ctx context.Context, t *testing.T, provider *oidc.Provider, key apiKey, raw, scope string) {
	t.Helper()
	var metadata struct {
		JWKSURI string `json:"jwks_uri"`
	}
	if err := provider.Claims(&metadata); err != nil {
		t.Fatal(err)
	}
	payload, err := oidc.NewRemoteKeySet(ctx, metadata.JWKSURI).VerifySignature(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: "https://api.example.test"}).Verify(ctx, raw); err != nil {
		t.Errorf("the provider's verifier: %v", err)
	}
	var claims accessClaims
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	if claims.TokenID == "" || claims.TenancyID == "" || claims.IssuedAt < now-60 || claims.IssuedAt > now {
		t.Errorf("claims %+v", claims)
	}
	want := accessClaims{
		Issuer: publicURL, Audience: "https://api.example.test", Subject: key.ClientID, ClientID: key.ClientID,
		TenancyID: claims.TenancyID, Scope: scope, IssuedAt: claims.IssuedAt, NotBefore: claims.IssuedAt,
		ExpiresAt: claims.IssuedAt + 3600, TokenID: claims.TokenID, Generation: 1,
	}
	if claims != want {
		t.Errorf("claims %+v, want %+v", claims, want)
	}
	if h := tokenHeader(t, raw); h.Algorithm != "ES256" || h.Type != "at+jwt" || h.KID == "" {
		t.Errorf("header %+v", h)
	}
}

type joseHeader struct {
	Algorithm string `json:"alg"`
	KID       string `json:"kid"`
	Type      string `json:"typ"`
}

func tokenHeader(t testing.TB, raw string) joseHeader {
	t.Helper()
	encoded, _, _ := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	var h joseHeader
	if err := json.Unmarshal(text, &h); err != nil {
		t.Fatal(err)
	}
	return h
}

// curl runs the curl program and returns its output.
func curl(t *testing.T, arguments ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "curl", append([]string{"--silent", "--show-error"}, arguments...)...)
	output, err := c.Output()
	if err != nil {
		t.Fatalf("curl: %v", err)
	}
	return string(output)
}

func TestDocumentedCurlOfAuthWorks(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, e environment) {
		s := start(t, e)
		key := signIn(s).create("ERP integration", "lighthouse.workspaces:readonly", "cca:admin")
		ask := func(secret string) (status, body string) {
			output := curl(t, "--request", "POST", "--url", s.url("/auth"), "--header", "Content-Type: application/json",
				"--data", `{"client_id": "`+key.ClientID+`", "client_secret": "`+secret+`"}`, "--write-out", "%{http_code}")
			at := len(output) - 3
			return output[at:], output[:at]
		}

		status, body := ask(key.ClientSecret)
		var envelope map[string]any
		if err := json.Unmarshal([]byte(body), &envelope); err != nil {
			t.Fatal(err)
		}
		data, _ := envelope["data"].(map[string]any)
		token, _ := data["access_token"].(string)
		want := map[string]any{"code": "success", "data": map[string]any{
			"access_token": token, "expires_in": 3600.0, "refresh_expires_in": 0.0, "token_type": "Bearer",
			"not-before-policy": 0.0, "session_state": "", "scope": "cca:admin lighthouse.workspaces:readonly",
		}}
		if status != "201" || strings.Count(token, ".") != 2 || !reflect.DeepEqual(envelope, want) {
			t.Errorf("%s %s", status, body)
		}
		if !slices.Contains(stranger(s).keySet(), tokenHeader(t, token).KID) {
			t.Error("the token's signing key is not published")
		}

		if status, body := ask(key.ClientSecret + "x"); status != "401" || body != `{"code":"failed","message":"invalid or expired token"}`+"\n" {
			t.Errorf("a wrong secret: %s %s", status, body)
		}
	})
}
