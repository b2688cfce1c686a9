package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// The bare handlers do the least that the same job needs, without management of keys, revocation or an audit log: they have no log
// line, no request id, no counter, no limit, and no headers except those of the content. They run in a process of their own with
// the defaults of Go and Echo.

// roles holds what this program does, by name, when it runs as a process that takes part in a measurement.
var roles = map[string]func(context.Context) error{
	"bare":     serveBare,
	"profiled": serveProfiled,
}

// bareSetting is what the bare handlers are started with.
type bareSetting struct {
	Keys     []pair `json:"keys"`
	Database string `json:"database"` // that has the keys instead
}

// bare starts the bare handlers with keys that they hold in memory.
func (b *bench) bare(ctx context.Context, keys []pair) (process, error) {
	return b.bareWith(ctx, bareSetting{Keys: keys})
}

// bareOn starts the bare handlers, which look up keys in a database.
func (b *bench) bareOn(ctx context.Context, database string) (process, error) {
	return b.bareWith(ctx, bareSetting{Database: database})
}

func (b *bench) bareWith(ctx context.Context, setting bareSetting) (process, error) {
	command, err := ourselves(ctx, "bare", setting)
	if err != nil {
		return process{}, err
	}
	p, err := launch(ctx, "bare", command)
	if err == nil {
		b.later(p.stop)
	}
	return p, err
}

// bareHandlers are the handlers of one process.
type bareHandlers struct {
	secrets map[string]string // by client id
	private *ecdsa.PrivateKey
	pool    *pgxpool.Pool // nil if the secrets are in the map
}

func serveBare(ctx context.Context) error {
	var setting bareSetting
	if err := readSetting(&setting); err != nil {
		return err
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	h := bareHandlers{secrets: make(map[string]string, len(setting.Keys)), private: private}
	for _, k := range setting.Keys {
		h.secrets[k.ClientID] = k.ClientSecret
	}
	if setting.Database != "" {
		config, err := pgxpool.ParseConfig(setting.Database)
		if err != nil {
			return err
		}
		config.MaxConns = bareConns
		if h.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
			return err
		}
		defer h.pool.Close()
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.POST("/oauth2/token", h.token)
	e.POST("/auth", h.auth)
	e.GET("/oauth2/verify", h.verify)
	e.POST("/oauth2/introspect", h.introspect)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	e.Listener = listener
	stop := context.AfterFunc(ctx, func() { _ = e.Close() })
	defer stop()
	fmt.Printf("listens on http://%s\n", listener.Addr())
	if err := e.Start(""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// bareToken is an answer of the token endpoint.
type bareToken struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
	Scope       string `json:"scope"`
}

const (
	bareScope  = "cca:editor lighthouse.workspaces:readonly"
	bareIssuer = "http://localhost:8080"
	bareLife   = 3600 // seconds
)

// bareHead is the encoded header of every token.
var bareHead = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","kid":"bare","typ":"at+jwt"}`)) + "."

// token authenticates the client and signs a token with the standard library.
func (h bareHandlers) token(c echo.Context) error {
	id, secret, ok := c.Request().BasicAuth()
	if !ok || !h.knows(c.Request().Context(), id, secret) {
		return c.NoContent(http.StatusUnauthorized)
	}
	if c.FormValue("grant_type") != "client_credentials" {
		return c.NoContent(http.StatusBadRequest)
	}
	token, err := h.sign(id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, bareToken{token, "Bearer", bareLife, bareScope})
}

// bareConns is how many connections to the database the bare handlers have: as many as the service.
const bareConns = 20

// knows reports whether the secret belongs to the key.
func (h bareHandlers) knows(ctx context.Context, id, secret string) bool {
	if h.pool == nil {
		known, found := h.secrets[id]
		return found && known == secret
	}
	var digest []byte
	var scopes, status string
	err := h.pool.QueryRow(ctx, "SELECT s.digest, k.scopes, k.status FROM api_key k JOIN client_secret s ON s.client_id = k.client_id "+
		"WHERE k.client_id = $1 AND s.retired_at IS NULL", id).Scan(&digest, &scopes, &status)
	sent := sha256.Sum256([]byte(secret))
	return err == nil && status == "active" && bytes.Equal(digest, sent[:])
}

// auth is the same as token, with credentials in JSON.
func (h bareHandlers) auth(c echo.Context) error {
	var p pair
	if err := json.NewDecoder(c.Request().Body).Decode(&p); err != nil {
		return c.NoContent(http.StatusBadRequest)
	}
	if known, found := h.secrets[p.ClientID]; !found || known != p.ClientSecret {
		return c.NoContent(http.StatusUnauthorized)
	}
	token, err := h.sign(p.ClientID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, bareToken{token, "Bearer", bareLife, bareScope})
}

// sign returns a token with the same claims as the service's, put together by hand.
func (h bareHandlers) sign(id string) (string, error) {
	now := time.Now().Unix()
	claims := make([]byte, 0, 512)
	claims = append(claims, `{"iss":"`+bareIssuer+`","aud":"`+bareIssuer+`","sub":"`...)
	claims = append(claims, id...)
	claims = append(claims, `","client_id":"`...)
	claims = append(claims, id...)
	claims = append(claims, `","tenancy_id":"00000000-0000-4000-8000-000000000001","scope":"`+bareScope+`","iat":`...)
	claims = strconv.AppendInt(claims, now, 10)
	claims = append(claims, `,"nbf":`...)
	claims = strconv.AppendInt(claims, now, 10)
	claims = append(claims, `,"exp":`...)
	claims = strconv.AppendInt(claims, now+bareLife, 10)
	claims = append(claims, `,"jti":"`...)
	claims = append(claims, rand.Text()...)
	claims = append(claims, `","gen":1}`...)
	encoding := base64.RawURLEncoding
	token := make([]byte, 0, 1024)
	token = append(token, bareHead...)
	token = encoding.AppendEncode(token, claims)
	digest := sha256.Sum256(token)
	r, s, err := ecdsa.Sign(rand.Reader, h.private, digest[:])
	if err != nil {
		return "", err
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	token = append(token, '.')
	return string(encoding.AppendEncode(token, signature[:])), nil
}

// verify checks a header and answers.
func (h bareHandlers) verify(c echo.Context) error {
	if !strings.HasPrefix(c.Request().Header.Get(echo.HeaderAuthorization), "Bearer ") {
		return c.NoContent(http.StatusUnauthorized)
	}
	return c.NoContent(http.StatusOK)
}

// introspect verifies the token with jwx each time, and answers with its claims.
func (h bareHandlers) introspect(c echo.Context) error {
	payload, err := jws.Verify([]byte(c.FormValue("token")), jws.WithKey(jwa.ES256, &h.private.PublicKey))
	if err != nil {
		return c.JSON(http.StatusOK, map[string]any{"active": false})
	}
	claims := map[string]any{}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return err
	}
	claims["active"] = true
	return c.JSON(http.StatusOK, claims)
}
