package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
)

// freshPerProcessor is more than the number of new tokens that a processor can verify in a second.
const freshPerProcessor = 15_000

// measureVerification compares the requests of gateways and resource servers that don't verify tokens themselves.
func measureVerification(ctx context.Context, b *bench) (section, error) {
	var s section
	service, err := b.service(ctx)
	if err != nil {
		return s, err
	}
	bare, err := b.bare(ctx, service.keys)
	if err != nil {
		return s, err
	}
	defer bare.stop()
	seen, err := service.tokens(ctx, len(service.keys))
	if err != nil {
		return s, err
	}
	bareService := *service
	bareService.process = bare
	signedByBare, err := bareService.tokens(ctx, len(service.keys))
	if err != nil {
		return s, err
	}
	asks := func(token string) []byte { return introspectRequest(service.inquirer, token) }
	enough := int(float64(freshPerProcessor*runtime.NumCPU()) * (warmUp + b.portion).Seconds())
	fresh := func(ctx context.Context) (source, error) {
		tokens, err := service.tokens(ctx, enough)
		return once(requests(tokens, asks)), err
	}
	repeated := unprepared(atRandom(requests(signedByBare, asks)))
	for _, c := range []struct {
		what          string
		target        target
		service, bare func(context.Context) (source, error)
	}{
		{"`GET /oauth2/verify`, tokens seen before", target{AtLeast: .8}, unprepared(atRandom(requests(seen, verifyRequest))), unprepared(atRandom(requests(seen, verifyRequest)))},
		{"`POST /oauth2/introspect`, new tokens", target{AtLeast: .8}, fresh, repeated},
		{"`POST /oauth2/introspect`, tokens seen before", target{AtLeast: 2}, unprepared(atRandom(requests(seen, asks))), repeated},
	} {
		rows, notes, err := b.compare(ctx, c.what, c.target, contender{service.process, c.service, http.StatusOK}, contender{bare, c.bare, http.StatusOK})
		if err != nil {
			return s, err
		}
		s.Rows, s.Notes = append(s.Rows, rows...), append(s.Notes, notes...)
	}
	s.Notes = append(s.Notes, fmt.Sprintf("%s tokens, %d connections. The bare handler for `/oauth2/verify` checks that there is a Bearer token and answers 200. The one for `/oauth2/introspect` verifies the signature with jwx each time and does not authenticate its callers.",
		thousands(int64(len(seen))), connections))
	return s, nil
}
