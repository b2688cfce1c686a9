package e2e

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/await"
	"github.com/piercloud/apikeys/pkg/resourceserver"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
)

// BenchmarkRevocation measures the time from the answer to the change that ends a token until each of 50 verifiers refuses it. The
// ways to end a token take turns. In other-replica, one process makes the changes and the verifiers are connected to another one on
// the same database.
func BenchmarkRevocation(b *testing.B) {
	b.Run("SQLite", func(b *testing.B) {
		s := start(b, onSQLite(b))
		measureRevocation(b, s, s)
	})
	b.Run("PostgreSQL", func(b *testing.B) {
		s := start(b, onPostgreSQL(pgtest.URL(b)))
		measureRevocation(b, s, s)
	})
	b.Run("PostgreSQL/other-replica", func(b *testing.B) {
		e := onPostgreSQL(pgtest.URL(b))
		measureRevocation(b, start(b, e), start(b, e))
	})
}

func measureRevocation(b *testing.B, changed, followed *service) {
	const verifiers = 50
	operator := signIn(changed)
	followers := make([]*resourceserver.Verifier, verifiers)
	for i := range followers {
		followers[i] = newVerifier(b, followed.url(""))
	}
	await.Until(b, startTimeout, "all follow", func() bool {
		return !slices.ContainsFunc(followers, func(v *resourceserver.Verifier) bool { return !v.FeedStatus().Streaming })
	})
	names := slices.Sorted(maps.Keys(ends))
	var latencies []time.Duration
	for round := 0; b.Loop(); round++ {
		b.StopTimer()
		name := names[round%len(names)]
		k := operator.create(fmt.Sprint(name, " ", round))
		token := operator.accessToken(k)
		for _, v := range followers {
			if !honours(b, v, token) {
				b.Fatal("a fresh token is refused")
			}
		}
		b.StartTimer()
		ends[name](operator, k, token)
		latencies = append(latencies, refusals(b, followers, token)...)
	}
	slices.Sort(latencies)
	for name, part := range map[string]float64{"p50-ms": 0.5, "p90-ms": 0.9, "p99-ms": 0.99, "max-ms": 1} {
		b.ReportMetric(float64(latencies[int(part*float64(len(latencies)-1))].Microseconds())/1000, name)
	}
}

// refusals returns how long each verifier still honours a token from now.
func refusals(b *testing.B, followers []*resourceserver.Verifier, token string) []time.Duration {
	const look = 2 * time.Millisecond
	began := time.Now()
	latencies := make([]time.Duration, len(followers))
	var waiting sync.WaitGroup
	for i, v := range followers {
		waiting.Go(func() {
			tick := time.NewTicker(look)
			defer tick.Stop()
			for {
				if _, err := v.Verify(b.Context(), token); errors.Is(err, resourceserver.ErrRevoked) {
					break
				} else if err != nil || time.Since(began) > refusalTimeout {
					b.Errorf("the token is still not revoked: %v", err)
					return
				}
				<-tick.C
			}
			latencies[i] = time.Since(began)
		})
	}
	waiting.Wait()
	return latencies
}
