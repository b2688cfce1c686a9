package e2e

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkChange measures how long it takes until a change that one replica makes is in force on the others: from the answer until
// each of the two others acts on it.
func BenchmarkChange(b *testing.B) {
	c := startCluster(b, 3)
	operator := c.at(0)
	operator.want(http.StatusCreated, operator.post("/v1/session", credentials{"admin@localhost", password}))
	others := []*caller{c.at(1), c.at(2)}
	for _, other := range others {
		other.client.Jar = operator.client.Jar
	}
	deactivate := func(k apiKey) func() {
		return func() { operator.want(http.StatusOK, operator.post("/v1/api-keys/"+k.ClientID+"/deactivate", nil)) }
	}
	changes := map[string]func(name string) (change func(), inForce func(other *caller) bool){
		"a deactivated key gets no token": func(name string) (func(), func(*caller) bool) {
			k := operator.create(name)
			return deactivate(k), func(other *caller) bool {
				return other.token(k.ClientID, k.ClientSecret).status == http.StatusUnauthorized
			}
		},
		"a token of a deactivated key is not verified": func(name string) (func(), func(*caller) bool) {
			k := operator.create(name)
			token := operator.accessToken(k)
			return deactivate(k), func(other *caller) bool {
				a := other.do(http.MethodGet, "/oauth2/verify", nil, "Authorization", "Bearer "+token)
				return a.status == http.StatusUnauthorized
			}
		},
		"a key reads as it was edited": func(name string) (func(), func(*caller) bool) {
			path := "/v1/api-keys/" + operator.create(name).ClientID
			edit := func() {
				operator.want(http.StatusOK, operator.do(http.MethodPatch, path, map[string]string{"description": name}))
			}
			return edit, func(other *caller) bool { return decode[apiKey](b, other.get(path)).Description == name }
		},
		"an ended session is not let in": func(string) (func(), func(*caller) bool) {
			session := c.at(0)
			started := session.want(http.StatusCreated, session.post("/v1/session", credentials{"admin@localhost", password}))
			cookie, _, _ := strings.Cut(started.header.Get("Set-Cookie"), ";")
			end := func() { operator.want(http.StatusNoContent, session.do(http.MethodDelete, "/v1/session", nil)) }
			return end, func(other *caller) bool {
				bare := *other
				bare.client = &http.Client{Transport: other.client.Transport}
				return bare.do(http.MethodGet, "/v1/session", nil, "Cookie", cookie).status == http.StatusUnauthorized
			}
		},
	}
	for name, prepare := range changes {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				b.StopTimer()
				change, inForce := prepare(name + rand.Text())
				c.awaitNews() // from now on, a key that is used stays in memory
				if slices.ContainsFunc(others, inForce) {
					b.Fatal("it is in force before it is made")
				}
				b.StartTimer()
				change()
				took = append(took, spreads(b, others, inForce)...)
			}
			slices.Sort(took)
			for unit, part := range map[string]float64{"p50-ms": 0.5, "p90-ms": 0.9, "p99-ms": 0.99, "max-ms": 1} {
				b.ReportMetric(float64(took[int(part*float64(len(took)-1))].Microseconds())/1000, unit)
			}
		})
	}
}

// spreads returns how long it takes from now until a change is in force for each caller.
func spreads(b *testing.B, callers []*caller, inForce func(c *caller) bool) []time.Duration {
	began := time.Now()
	took := make([]time.Duration, len(callers))
	var waiting sync.WaitGroup
	for i, c := range callers {
		waiting.Go(func() {
			for !inForce(c) {
				if time.Since(began) > spreadTimeout {
					b.Error("the change is still not in force")
					return
				}
			}
			took[i] = time.Since(began)
		})
	}
	waiting.Wait()
	return took
}
