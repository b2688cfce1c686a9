package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"golang.org/x/oauth2"

	"github.com/piercloud/apikeys/pkg/client"
)

// service stands in for the two things that the hand-written part of the client talks to: a token endpoint, and a route that
// refuses every token but the newest. The tests of package api use the client with the whole service.
type service struct {
	mu     sync.Mutex
	issued int
	denied bool
	bodies []string
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/oauth2/token" {
		if s.denied {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"invalid_client"}`)
			return
		}
		s.issued++
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": fmt.Sprint("token-", s.issued), "token_type": "Bearer", "expires_in": 3600})
		return
	}
	body, _ := io.ReadAll(r.Body)
	s.bodies = append(s.bodies, string(body))
	if r.Header.Get("Authorization") != fmt.Sprint("Bearer token-", s.issued) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, `{}`)
}

// revoke makes the tokens issued so far invalid.
func (s *service) revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued += 100
}

func newClient(t *testing.T, s *service) *client.ClientWithResponses {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := client.New(server.URL+"/", "ak_EXAMPLE", "aks_EXAMPLE")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func create(t *testing.T, c *client.ClientWithResponses) {
	t.Helper()
	answer, err := c.CreateAPIKeyWithResponse(t.Context(), nil, client.APIKeyCreate{Name: "name", Scopes: []string{"cca:admin"}})
	if err != nil {
		t.Error(err)
	} else if answer.StatusCode() != http.StatusCreated {
		t.Errorf("got %s", answer.Status())
	}
}

func TestATokenIsObtainedOnceAndUsedForManyCalls(t *testing.T) {
	s := &service{}
	c := newClient(t, s)
	for range 3 {
		create(t, c)
	}
	if s.issued != 1 {
		t.Errorf("%d tokens were obtained", s.issued)
	}
}

func TestACallSurvivesTheRevocationOfItsToken(t *testing.T) {
	s := &service{}
	c := newClient(t, s)
	create(t, c)
	s.revoke()
	create(t, c)
	if len(s.bodies) != 3 || s.bodies[1] != s.bodies[2] {
		t.Errorf("the call was not made again with the same body: %q", s.bodies)
	}
}

func TestCallsAtOnceShareTheNewToken(t *testing.T) {
	s := &service{}
	c := newClient(t, s)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { create(t, c) })
	}
	group.Wait()
	if s.issued != 1 {
		t.Errorf("%d tokens were obtained", s.issued)
	}
}

// TestACallWaitsForAnothersTokenNoLongerThanItMay: a call that waits for another call to obtain the token stops waiting when its
// own context ends, since the server may never answer the other call.
func TestACallWaitsForAnothersTokenNoLongerThanItMay(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-answer
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	c, err := client.New(server.URL, "ak_EXAMPLE", "aks_EXAMPLE")
	if err != nil {
		t.Fatal(err)
	}
	var other sync.WaitGroup
	other.Go(func() { _, _ = c.ListScopesWithResponse(t.Context()) })
	<-asked
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, err := c.ListScopesWithResponse(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(answer)
	other.Wait()
}

func TestACallFailsWithTheReasonWhenNoTokenIsToBeHad(t *testing.T) {
	c := newClient(t, &service{denied: true})
	_, err := c.ListScopesWithResponse(t.Context())
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.ErrorCode != "invalid_client" {
		t.Errorf("got %v", err)
	}
}

func TestABaseURLThatIsNoneIsRefused(t *testing.T) {
	for _, baseURL := range []string{"", "keys.example.com", "ftp://keys.example.com", "http://", "://"} {
		if _, err := client.New(baseURL, "ak_EXAMPLE", "aks_EXAMPLE"); err == nil {
			t.Errorf("%q was accepted", baseURL)
		}
	}
}
