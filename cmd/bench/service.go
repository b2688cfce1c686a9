package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"

	"golang.org/x/sync/errgroup"
)

// service is a running service with API keys and a signed-in operator.
type service struct {
	process
	environment environment
	keys        []pair // that obtain tokens
	inquirer    pair   // may introspect every token
	operator    *http.Client
}

// pair is the credentials of an API key.
type pair struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// service returns the service that the yardsticks share. It has as many keys as the options say, and all of them are in its
// memory.
func (b *bench) service(ctx context.Context) (*service, error) {
	if b.running != nil {
		return b.running, nil
	}
	database, err := b.database(ctx)
	if err != nil {
		return nil, err
	}
	e := b.environment(database)
	p, err := b.serve(ctx, e)
	if err != nil {
		return nil, err
	}
	s := &service{process: p, environment: e}
	if err := s.signIn(ctx); err != nil {
		return nil, err
	}
	fmt.Printf("  creating %d keys\n", b.keys)
	if s.keys, err = s.create(ctx, b.keys, "key", "lighthouse.workspaces:readonly", "cca:editor"); err != nil {
		return nil, err
	}
	inquirers, err := s.create(ctx, 1, "inquirer", "settings.tokens:readonly")
	if err != nil {
		return nil, err
	}
	s.inquirer = inquirers[0]
	b.running = s
	_, err = s.tokens(ctx, len(s.keys)) // brings the keys into its memory
	return s, err
}

// signIn starts the first operator's session.
func (s *service) signIn(ctx context.Context) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	s.operator = &http.Client{Jar: jar, Timeout: exchangeTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	return s.call(ctx, http.MethodPost, "/v1/session", map[string]string{"email": "admin@localhost", "password": password}, nil)
}

// call makes a management request as the operator. The request must succeed. Unless into is nil, the answer is decoded into it.
func (s *service) call(ctx context.Context, method, path string, body, into any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	address := url.URL{Scheme: "http", Host: s.address, Path: path}
	request, err := http.NewRequestWithContext(ctx, method, address.String(), bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := s.operator.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %w: %d %s", method, path, errAnswer, response.StatusCode, content)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(content, into)
}

// create creates n keys.
func (s *service) create(ctx context.Context, n int, name string, scopes ...string) ([]pair, error) {
	keys := make([]pair, n)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range keys {
		group.Go(func() error {
			draft := map[string]any{"name": fmt.Sprintf("%s %06d", name, i), "scopes": scopes}
			return s.call(ctx, http.MethodPost, "/v1/api-keys", draft, &keys[i])
		})
	}
	return keys, group.Wait()
}

// tokens obtains n access tokens, from each key in turn.
func (s *service) tokens(ctx context.Context, n int) ([]string, error) {
	requests := make([][]byte, n)
	for i := range requests {
		requests[i] = tokenRequest(s.keys[i%len(s.keys)])
	}
	tokens := make([]string, n)
	err := each(ctx, s.process, requests, http.StatusOK, func(i int, body []byte) error {
		issued := struct {
			AccessToken string `json:"access_token"`
		}{}
		err := json.Unmarshal(body, &issued)
		tokens[i] = issued.AccessToken
		return err
	})
	return tokens, err
}

// tokenRequest is POST /oauth2/token with Basic authentication.
func tokenRequest(k pair) []byte {
	basic := http.Request{Header: http.Header{}}
	basic.SetBasicAuth(k.ClientID, k.ClientSecret)
	return encode(http.MethodPost, "/oauth2/token", "grant_type=client_credentials",
		"Authorization", basic.Header.Get("Authorization"), "Content-Type", "application/x-www-form-urlencoded")
}

// authRequest is POST /auth.
func authRequest(k pair) []byte {
	body, _ := json.Marshal(k) // two strings can always be encoded
	return encode(http.MethodPost, "/auth", string(body), "Content-Type", "application/json")
}

// verifyRequest is GET /oauth2/verify.
func verifyRequest(token string) []byte {
	return encode(http.MethodGet, "/oauth2/verify", "", "Authorization", "Bearer "+token)
}

// introspectRequest is POST /oauth2/introspect with Basic authentication.
func introspectRequest(inquirer pair, token string) []byte {
	basic := http.Request{Header: http.Header{}}
	basic.SetBasicAuth(inquirer.ClientID, inquirer.ClientSecret)
	return encode(http.MethodPost, "/oauth2/introspect", url.Values{"token": {token}}.Encode(),
		"Authorization", basic.Header.Get("Authorization"), "Content-Type", "application/x-www-form-urlencoded")
}

// requests returns a request for each entry of a list.
func requests[T any](list []T, of func(T) []byte) [][]byte {
	encoded := make([][]byte, len(list))
	for i, one := range list {
		encoded[i] = of(one)
	}
	return encoded
}
