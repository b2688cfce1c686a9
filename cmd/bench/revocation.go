package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/piercloud/apikeys/pkg/resourceserver"
)

const (
	// revokedKeys is how many keys are deactivated while the load runs.
	revokedKeys = 100
	// revocationGap is the time between two deactivations.
	revocationGap = 50 * time.Millisecond
	// refusalTimeout is how long a key may still be accepted before the measurement fails.
	refusalTimeout = 10 * time.Second
	// refusalPoll is the time between two checks.
	refusalPoll = 2 * time.Millisecond
	// refusalMax is the time within which a key is promised to be refused, in milliseconds.
	refusalMax = 1000
)

// place is where a key or its token must be refused.
type place struct {
	what string
	// refuses reports whether a key's credentials or its token are refused.
	refuses func(ctx context.Context, k pair, token string) (bool, error)
	mu      sync.Mutex
	after   sample // milliseconds from the answer to the deactivation
}

// measureRevocation deactivates keys while others obtain tokens as fast as they can, and measures when each is refused: by the
// replica that deactivated it, by another replica, and by a resource server that verifies offline and follows that other replica.
func measureRevocation(ctx context.Context, b *bench) (section, error) {
	var s section
	service, err := b.service(ctx)
	if err != nil {
		return s, err
	}
	other, err := b.serve(ctx, service.environment)
	if err != nil {
		return s, err
	}
	defer other.stop()
	verifier, err := resourceserver.New(ctx, bareIssuer, resourceserver.Options{BaseURL: "http://" + other.address, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return s, err
	}
	defer verifier.Close()
	keys, err := service.create(ctx, revokedKeys, fmt.Sprintf("revoked %d", time.Now().UnixNano()), "lighthouse.workspaces:readonly")
	if err != nil {
		return s, err
	}
	doomed := *service
	doomed.keys = keys
	tokens, err := doomed.tokens(ctx, len(keys))
	if err != nil {
		return s, err
	}
	places := []*place{
		{what: "`/oauth2/token` of the replica that was told", refuses: statusRefuses(service.process, func(k pair, _ string) []byte { return tokenRequest(k) })},
		{what: "`/oauth2/verify` of the replica that was told", refuses: statusRefuses(service.process, func(_ pair, t string) []byte { return verifyRequest(t) })},
		{what: "`/oauth2/token` of another replica", refuses: statusRefuses(other, func(k pair, _ string) []byte { return tokenRequest(k) })},
		{what: "`/oauth2/verify` of another replica", refuses: statusRefuses(other, func(_ pair, t string) []byte { return verifyRequest(t) })},
		{what: "a resource server that verifies offline", refuses: func(ctx context.Context, _ pair, t string) (bool, error) {
			_, err := verifier.Verify(ctx, t)
			return err != nil, nil
		}},
	}
	for i, k := range keys { // each place has seen every token, so a refusal can't come from not knowing it
		for _, p := range places {
			switch refused, err := p.refuses(ctx, k, tokens[i]); {
			case err != nil:
				return s, fmt.Errorf("%s: %w", p.what, err)
			case refused:
				return s, fmt.Errorf("%s refuses a valid key", p.what)
			}
		}
	}
	o, err := deactivateUnderLoad(ctx, service, keys, tokens, places)
	if err != nil {
		return s, err
	}
	for _, p := range places {
		s.Rows = append(s.Rows,
			row{What: p.what + ", slowest of " + fmt.Sprint(len(p.after)), Unit: " ms", Service: sample{slices.Max(p.after)}, Target: target{AtMost: refusalMax}},
			row{What: "the median", Unit: " ms", Service: sample{p.after.median()}})
	}
	s.Notes = []string{fmt.Sprintf("%d keys were deactivated, one every %v, while the others obtained %s tokens per second. Time counts from the response to the deactivation. Every place had accepted each key or token before.",
		revokedKeys, revocationGap, thousands(int64(o.rate())))}
	return s, nil
}

// deactivateUnderLoad deactivates the keys one by one while the service's other keys obtain tokens.
func deactivateUnderLoad(ctx context.Context, s *service, keys []pair, tokens []string, places []*place) (outcome, error) {
	var o outcome
	loaded, cancel := context.WithCancel(ctx)
	defer cancel()
	group, loaded := errgroup.WithContext(loaded)
	group.Go(func() (err error) {
		span := time.Duration(len(keys))*revocationGap + 2*time.Second
		o, err = load{s.process, connections, atRandom(requests(s.keys, tokenRequest)), http.StatusOK, warmUp, span}.run(loaded)
		return err
	})
	group.Go(func() error {
		begin := time.Now().Add(warmUp)
		watchers, watched := errgroup.WithContext(loaded)
		for i, k := range keys {
			if err := sleepUntil(watched, begin.Add(time.Duration(i)*revocationGap)); err != nil {
				break // watchers.Wait returns the reason
			}
			if err := s.call(watched, http.MethodPost, "/v1/api-keys/"+k.ClientID+"/deactivate", struct{}{}, nil); err != nil {
				return err
			}
			answered := time.Now()
			for _, p := range places {
				watchers.Go(func() error { return p.watch(watched, k, tokens[i], answered) })
			}
		}
		return watchers.Wait()
	})
	return o, group.Wait()
}

// watch records how long after its deactivation the place refuses a key or its token.
func (p *place) watch(ctx context.Context, k pair, token string, deactivated time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, deactivated.Add(refusalTimeout))
	defer cancel()
	for {
		refused, err := p.refuses(ctx, k, token)
		if err != nil {
			return fmt.Errorf("%s: %w", p.what, err)
		}
		if refused {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.after = append(p.after, float64(time.Since(deactivated).Microseconds())/1000)
			return nil
		}
		if err := sleepUntil(ctx, time.Now().Add(refusalPoll)); err != nil {
			return fmt.Errorf("%s still accepts a deactivated key: %w", p.what, err)
		}
	}
}

// statusRefuses asks a replica, and tells by the status of its answer.
func statusRefuses(target process, request func(k pair, token string) []byte) func(context.Context, pair, string) (bool, error) {
	return func(ctx context.Context, k pair, token string) (bool, error) {
		c, err := dial(ctx, target.address)
		if err != nil {
			return false, err
		}
		defer c.close()
		if err := c.conn.SetDeadline(time.Now().Add(exchangeTimeout)); err != nil {
			return false, err
		}
		status, body, err := c.exchange(request(k, token))
		switch {
		case err != nil:
			return false, err
		case status == http.StatusUnauthorized:
			return true, nil
		case status == http.StatusOK:
			return false, nil
		default:
			return false, fmt.Errorf("%w: %d %s", errAnswer, status, body)
		}
	}
}
