package oauth_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/oauth"
)

// limited returns a server that allows 3 token requests per minute of a client and 10 of an address, and 2 revocations of a key's
// tokens per hour, together with the number of token requests for each outcome.
func limited(t *testing.T) (*fixture, map[string]int) {
	outcomes := map[string]int{}
	return newFixture(t, oauth.Options{
		Limits: limit.Config{
			TokenClient: limit.Rate{Requests: 3, Window: time.Minute}, TokenAddress: limit.Rate{Requests: 10, Window: time.Minute},
			Revocation: limit.Rate{Requests: 2, Window: time.Hour},
		},
		Observe: func(outcome string) { outcomes[outcome]++ },
	}), outcomes
}

// policyOf returns the name of the limit that was exceeded, empty for any other error.
func policyOf(err error) string {
	var exceeded *limit.ExceededError
	if !errors.As(err, &exceeded) {
		return ""
	}
	return exceeded.Policy
}

func TestAFloodingClientIsRefusedAndStarvesNobody(t *testing.T) {
	f, outcomes := limited(t)
	flooding, neighbour := f.create(t, acme, "Flooding", "cca:admin"), f.create(t, acme, "Neighbour", "cca:admin")
	for i := range 100 {
		response, err := f.Token(t.Context(), request(flooding, ""))
		switch {
		case i < 3 && (err != nil || response.Standing.Remaining != 2-i || response.Standing.Limit != 3):
			t.Fatalf("request %d: %+v, %v", i, response.Standing, err)
		case i >= 3 && policyOf(err) != limit.TokenClient:
			t.Fatalf("request %d: %v", i, err)
		}
	}
	f.issue(t, neighbour) // from the same address
	if outcomes[oauth.Issued] != 4 || outcomes["rate-limited"] != 97 {
		t.Errorf("the outcomes are %v", outcomes)
	}
	f.advance(20 * time.Second)
	f.issue(t, flooding)
}

func TestWhoKnowsOnlyAClientIDCantUseUpWhatItsOwnerMayAskFor(t *testing.T) {
	f, outcomes := limited(t)
	c := f.create(t, acme, "Acme", "cca:admin")
	attack := request(c, "")
	attack.ClientSecret, attack.IP = "aks_guess", "198.51.100.1"
	for i := range 100 {
		_, err := f.Token(t.Context(), attack)
		if i < 10 && codeOf(err) != oauth.InvalidClient || i >= 10 && policyOf(err) != limit.TokenAddress {
			t.Fatalf("attempt %d: %v", i, err)
		}
	}
	for range 3 {
		f.issue(t, c)
	}
	if outcomes[string(apikey.WrongSecret)] != 10 || outcomes[oauth.AddressRateLimited] != 90 || outcomes[oauth.Issued] != 3 {
		t.Errorf("the outcomes are %v", outcomes)
	}
}

// TestTokensThatAreIssuedCountForTheirAddress: successful requests of different keys count together.
func TestTokensThatAreIssuedCountForTheirAddress(t *testing.T) {
	f, outcomes := limited(t)
	for i := range 10 {
		f.issue(t, f.create(t, acme, fmt.Sprintf("Key %d", i), "cca:admin"))
	}
	if _, err := f.Token(t.Context(), request(f.create(t, acme, "Another", "cca:admin"), "")); policyOf(err) != limit.TokenAddress {
		t.Errorf("got %v", err)
	}
	if outcomes[oauth.Issued] != 10 || outcomes[oauth.AddressRateLimited] != 1 {
		t.Errorf("the outcomes are %v", outcomes)
	}
}

func TestAKeysOwnLimitReplacesTheConfiguredOneAtOnce(t *testing.T) {
	f, _ := limited(t)
	c := f.create(t, acme, "Acme", "cca:admin")
	for range 3 {
		f.issue(t, c)
	}
	if _, err := f.keys.Update(t.Context(), ana(acme), c.Key.ClientID, nil, apikey.Patch{RateLimit: new(5)}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Token(t.Context(), request(c, "")); policyOf(err) != limit.TokenClient {
		t.Errorf("got %v", err)
	}
	f.advance(time.Minute)
	for range 5 {
		f.issue(t, c)
	}
	if _, err := f.Token(t.Context(), request(c, "")); policyOf(err) != limit.TokenClient {
		t.Errorf("got %v", err)
	}
}

func TestOnlyFailuresOfThoseWhoAskAboutTokensCount(t *testing.T) {
	f, _ := limited(t)
	c := f.create(t, acme, "Acme", "cca:admin")
	for range 100 {
		if _, err := f.Inquirer(t.Context(), c.Key.ClientID, c.Secret, "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	for range 11 {
		_, err = f.Inquirer(t.Context(), c.Key.ClientID, "aks_guess", "192.0.2.1")
	}
	if policyOf(err) != limit.TokenAddress {
		t.Errorf("got %v", err)
	}
}

func TestTokensOfAKeyAreTakenBackOneByOneUpToALimitWhoeverDoesIt(t *testing.T) {
	f, _ := limited(t)
	c, neighbour := f.create(t, acme, "Acme", "cca:admin"), f.create(t, acme, "Neighbour", "cca:admin")
	tokens := []string{f.issue(t, c), f.issue(t, c), f.issue(t, c)}
	own, operator := f.inquirer(t, c), oauth.Inquirer{TenancyID: acme}
	for _, raw := range []string{tokens[0], tokens[0], tokens[1], tokens[1], "not a token"} { // revoking a dead token is free
		if err := f.Revoke(t.Context(), own, raw); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range []oauth.Inquirer{own, operator} {
		if err := f.Revoke(t.Context(), i, tokens[2]); policyOf(err) != limit.Revocation {
			t.Errorf("got %v", err)
		}
	}
	if _, err := f.VerifyActive(t.Context(), tokens[2]); err != nil {
		t.Errorf("the token that was not taken back: %v", err)
	}
	if err := f.Revoke(t.Context(), operator, f.issue(t, neighbour)); err != nil {
		t.Errorf("of another key: %v", err)
	}
	f.advance(30 * time.Minute)
	if err := f.Revoke(t.Context(), own, tokens[2]); err != nil {
		t.Errorf("half an hour later: %v", err)
	}
}

func TestLimitsReadNothingOfTheDatabase(t *testing.T) {
	f, _ := limited(t)
	c := f.create(t, acme, "Acme", "cca:admin")
	for range 100 {
		_, _ = f.Token(t.Context(), request(c, "")) // most are refused
	}
	if f.store.lookups != 1 {
		t.Errorf("%d statements for 100 requests", f.store.lookups)
	}
}
