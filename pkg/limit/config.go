package limit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Config holds the configured limits. The zero Config limits nothing.
type Config struct {
	TokenClient   Rate // token requests of one authenticated client, unless its key has its own rate
	TokenAddress  Rate // requests from one address that use or try client credentials
	Revocation    Rate // individually revoked tokens of one key
	Management    Rate // management requests of one operator or one API key
	SignInAccount Rate // sign-ins to one account from one address
	SignInAddress Rate // sign-ins from one address, whatever the account
	GuessAddress  Rate // sessions and one-time links named from one address that the service does not know
}

// The names of the limits, in the configuration, the metrics and the logs.
const (
	TokenClient   = "token-client"
	TokenAddress  = "token-address"
	Revocation    = "token-revocation"
	Management    = "management"
	SignInAccount = "sign-in-account"
	SignInAddress = "sign-in-address"
	GuessAddress  = "guess-address"
)

// Default is generous: well-behaved callers never reach these limits.
var Default = Config{
	TokenClient:   Rate{600, time.Minute},
	TokenAddress:  Rate{6000, time.Minute},
	Revocation:    Rate{600, time.Hour},
	Management:    Rate{600, time.Minute},
	SignInAccount: Rate{10, 5 * time.Minute},
	SignInAddress: Rate{50, 5 * time.Minute},
	GuessAddress:  Rate{600, time.Minute},
}

// Bounds on what can be configured.
const (
	requestsMax = 10_000_000
	windowLeast = time.Second
	windowMost  = 24 * time.Hour
)

// Parse parses a configuration: "on" for [Default], "off" for no limits, or a list of differences from the default, such as
// "token-client=1200/1m,management=off". Errors say what is wrong, as a predicate.
func Parse(text string) (Config, error) {
	switch text {
	case "on":
		return Default, nil
	case "off":
		return Config{}, nil
	}
	c, seen := Default, map[string]bool{}
	rates := map[string]*Rate{
		TokenClient: &c.TokenClient, TokenAddress: &c.TokenAddress, Revocation: &c.Revocation, Management: &c.Management,
		SignInAccount: &c.SignInAccount, SignInAddress: &c.SignInAddress, GuessAddress: &c.GuessAddress,
	}
	for entry := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(entry), "=")
		target := rates[name]
		switch {
		case !ok:
			return Config{}, errors.New(`must be on, off, or a list such as token-client=600/1m,management=600/1m`)
		case target == nil:
			return Config{}, fmt.Errorf("has no limit called %q; there are %s", name,
				strings.Join([]string{TokenClient, TokenAddress, Revocation, Management, SignInAccount, SignInAddress, GuessAddress}, ", "))
		case seen[name]:
			return Config{}, fmt.Errorf("has %s more than once", name)
		}
		seen[name] = true
		rate, err := parseRate(value)
		if err != nil {
			return Config{}, fmt.Errorf("has %s=%s, which %w", name, value, err)
		}
		*target = rate
	}
	return c, nil
}

// parseRate parses a rate such as "600/1m", or "off".
func parseRate(text string) (Rate, error) {
	if text == "off" {
		return Rate{}, nil
	}
	count, window, _ := strings.Cut(text, "/")
	requests, err := strconv.Atoi(count)
	if err != nil || requests < 1 || requests > requestsMax {
		return Rate{}, fmt.Errorf("must be a number from 1 to %d, a slash and a time, such as 600/1m", requestsMax)
	}
	d, err := time.ParseDuration(window)
	if err != nil || d < windowLeast || d > windowMost {
		return Rate{}, errors.New("must have a time from 1s to 24h after the slash, such as 600/1m")
	}
	return Rate{requests, d}, nil
}
