package e2e

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/sqlstore"
)

// crashRounds is the number of storms that kill -9 ends, and crashWriters the number of writers in each.
const (
	crashRounds  = 6
	crashWriters = 4
)

// expected is the state of a key that a writer knows: everything that was acknowledged.
type expected struct {
	clientID    string
	name        string
	description string
	status      string
	version     int      // 1, and one more for every change
	secrets     []string // that work while the key is active, newest first
	dead        []string // that worked once
	deleted     bool
}

// writer changes keys of its own, one request at a time, and keeps what is acknowledged. When the service dies, unsure is the
// change in flight, if there was one.
type writer struct {
	*caller
	id     int
	random *rand.Rand
	keys   []*expected
	made   int
	unsure *unsure
	// outages is whether a change may also fail because a replica or its database is away. Such a change may have been made, too.
	outages bool
}

// unsure is a change that was not answered: it was made completely, or not at all.
type unsure struct {
	key    *expected // without the change; no client id if the change is a creation
	after  expected
	method string
	path   string
	body   any
}

// write makes one random change. It reports false if the change failed or may have been made without an answer.
func (w *writer) write() bool {
	u := w.next()
	headers := []string{}
	if u.key.clientID == "" {
		headers = []string{"Idempotency-Key", u.after.name}
	}
	a, err := w.try(u.method, u.path, u.body, headers...)
	if err != nil || w.outages && (a.status == http.StatusBadGateway || a.status == http.StatusServiceUnavailable) {
		w.unsure = &u
		return false
	}
	if a.status >= http.StatusMultipleChoices {
		w.t.Errorf("writer %d: %v", w.id, a)
		return false
	}
	w.acknowledge(u, a)
	return true
}

// next chooses a change.
func (w *writer) next() unsure {
	var alive []*expected
	for _, k := range w.keys {
		if !k.deleted {
			alive = append(alive, k)
		}
	}
	if len(alive) < 3 || w.random.IntN(4) == 0 {
		w.made++
		name := fmt.Sprintf("writer-%d-key-%d", w.id, w.made)
		return unsure{
			key: &expected{}, after: expected{name: name, status: "active", version: 1}, method: http.MethodPost,
			path: "/v1/api-keys", body: draft{name, []string{"cca:readonly"}},
		}
	}
	k := alive[w.random.IntN(len(alive))]
	path := "/v1/api-keys/" + k.clientID
	after := *k
	after.version++
	switch w.random.IntN(7) {
	case 0, 1:
		after.description = fmt.Sprintf("edited to version %d", after.version)
		return unsure{k, after, http.MethodPatch, path, map[string]string{"description": after.description}}
	case 2:
		after.secrets, after.dead = nil, slices.Concat(k.secrets, k.dead)
		return unsure{k, after, http.MethodPost, path + "/rotate-secret", map[string]int{"grace_period_seconds": 0}}
	case 3:
		if len(k.secrets) == 1 {
			after.secrets = slices.Clone(k.secrets)
			return unsure{k, after, http.MethodPost, path + "/rotate-secret", map[string]int{"grace_period_seconds": 3600}}
		}
		return unsure{k, after, http.MethodPost, path + "/revoke-tokens", nil}
	case 4:
		after.deleted = true
		return unsure{k, after, http.MethodDelete, path, nil}
	default:
		if k.status == "active" {
			after.status = "inactive"
			return unsure{k, after, http.MethodPost, path + "/deactivate", nil}
		}
		after.status = "active"
		return unsure{k, after, http.MethodPost, path + "/activate", nil}
	}
}

// acknowledge records a change that was answered.
func (w *writer) acknowledge(u unsure, a answer) {
	if strings.HasSuffix(u.path, "rotate-secret") || u.key.clientID == "" {
		answered := decode[apiKey](w.t, a)
		u.after.clientID = answered.ClientID
		u.after.secrets = append([]string{answered.ClientSecret}, u.after.secrets...)
	}
	if u.key.clientID == "" {
		w.keys = append(w.keys, u.key)
	}
	*u.key = u.after
}

func TestAcknowledgedChangesSurviveKill(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, e environment) {
		s := start(t, e)
		session := signIn(s)
		writers := make([]*writer, crashWriters)
		for i := range writers {
			writers[i] = &writer{id: i, random: rand.New(rand.NewPCG(uint64(i), rand.Uint64()))}
		}
		for range crashRounds {
			storm(t, s, session, writers)
			restarted := start(t, e)
			session = session.at(restarted)
			s = restarted
			checkAfterCrash(t, e, session, writers)
			if t.Failed() {
				return
			}
		}
	})
}

// storm lets the writers write until it kills the service, soon after a random number of acknowledged changes.
func storm(t *testing.T, s *service, session *caller, writers []*writer) {
	t.Helper()
	var acknowledged atomic.Int64
	enough := int64(30 + rand.IntN(60))
	reached := make(chan struct{})
	var all sync.WaitGroup
	for _, w := range writers {
		w.caller = session
		all.Go(func() {
			for w.write() {
				if acknowledged.Add(1) == enough {
					close(reached)
				}
			}
		})
	}
	stopped := make(chan struct{})
	go func() {
		all.Wait()
		close(stopped)
	}()
	select {
	case <-reached:
	case <-stopped: // every writer has failed and reported it
	}
	s.kill()
	<-stopped
	t.Logf("killed after %d acknowledged changes", acknowledged.Load())
}

// checkAfterCrash compares the state of the restarted service with what the writers know.
func checkAfterCrash(t *testing.T, e environment, session *caller, writers []*writer) {
	t.Helper()
	if r := run(t, e, "verify-log"); r.code != 0 {
		t.Fatalf("verify-log: code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	for _, w := range writers {
		w.caller = session
		if w.unsure != nil {
			w.settle()
		}
		for _, k := range w.keys {
			checkKey(session, k)
		}
	}
	checkNothingElse(t, e, session, writers)
}

// settle finds out whether the change in flight was made. It repeats a creation as a careful program would, with the same
// Idempotency-Key: afterwards the key exists once.
func (w *writer) settle() {
	w.t.Helper()
	u := *w.unsure
	w.unsure = nil
	if u.key.clientID == "" {
		w.acknowledge(u, w.want(http.StatusCreated, w.do(u.method, u.path, u.body, "Idempotency-Key", u.after.name)))
		return
	}
	a := w.get("/v1/api-keys/" + u.key.clientID)
	made := a.header.Get("ETag") == fmt.Sprintf("%q", fmt.Sprint(u.after.version))
	if u.after.deleted {
		made = a.status == http.StatusNotFound
	}
	if !made {
		return
	}
	if strings.HasSuffix(u.path, "rotate-secret") {
		// The new secret was never seen, so the key is rotated again to get a known one.
		listed := decode[apiKey](w.t, a)
		if want := len(u.after.secrets) + 1; len(listed.Secrets) != want {
			w.t.Errorf("%s was rotated and has %d secrets, not %d", u.key.clientID, len(listed.Secrets), want)
		}
		u.after.dead = slices.Concat(u.after.secrets, u.after.dead)
		u.after.secrets = nil
		u.after.version++
		u.path = "/v1/api-keys/" + u.key.clientID + "/rotate-secret"
		w.acknowledge(u, w.want(http.StatusOK, w.post(u.path, map[string]int{"grace_period_seconds": 0})))
		return
	}
	*u.key = u.after
}

// checkKey compares a key with what was acknowledged, and tries its secrets.
func checkKey(c *caller, k *expected) {
	c.t.Helper()
	a := c.get("/v1/api-keys/" + k.clientID)
	if k.deleted {
		c.want(http.StatusNotFound, a)
	} else {
		got := decode[apiKey](c.t, c.want(http.StatusOK, a))
		if got.Name != k.name || got.Description != k.description || got.Status != k.status || len(got.Secrets) != len(k.secrets) ||
			a.header.Get("ETag") != fmt.Sprintf("%q", fmt.Sprint(k.version)) {
			c.t.Errorf("after the restart %v with ETag %s, want %+v", a, a.header.Get("ETag"), *k)
		}
	}
	working := http.StatusOK
	if k.deleted || k.status != "active" {
		working = http.StatusUnauthorized
	}
	for _, secret := range k.secrets {
		c.want(working, c.token(k.clientID, secret))
	}
	for _, secret := range k.dead {
		c.want(http.StatusUnauthorized, c.token(k.clientID, secret))
	}
}

// checkNothingElse checks that there is no key that no writer made, and that there are as many events of each key as changes, which
// its version counts.
func checkNothingElse(t *testing.T, e environment, session *caller, writers []*writer) {
	t.Helper()
	events := changesByKey(t, e)
	alive := 0
	for _, w := range writers {
		for _, k := range w.keys {
			want := k.version
			if !k.deleted {
				alive++
			}
			if events[k.clientID] != want {
				t.Errorf("%s has version %d and %d events", k.clientID, want, events[k.clientID])
			}
			delete(events, k.clientID)
		}
	}
	for clientID := range events {
		t.Errorf("there are events of %s, which nobody made", clientID)
	}
	listed := decode[struct {
		Meta struct {
			Total int `json:"total"`
		} `json:"meta"`
	}](t, session.want(http.StatusOK, session.get("/v1/api-keys?"+url.Values{"page_size": {"1"}}.Encode())))
	if listed.Meta.Total != alive {
		t.Errorf("%d keys are listed, %d were made", listed.Meta.Total, alive)
	}
}

// changesByKey counts the events of each key in the database itself.
func changesByKey(t *testing.T, e environment) map[string]int {
	t.Helper()
	store, err := sqlstore.Open(sqlstore.Options{URL: e["APIKEYS_DATABASE_URL"]})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	counted := map[string]int{}
	if err := eachEvent(t.Context(), store, func(event eventlog.Event) {
		if event.Subject.Kind == eventlog.SubjectAPIKey {
			counted[event.Subject.ID]++
		}
		if bytes.Contains(event.After, []byte("aks_")) {
			t.Errorf("event %d holds a secret", event.Seq)
		}
	}); err != nil {
		t.Fatal(err)
	}
	return counted
}

// eachEvent calls f with every event of a log, in order.
func eachEvent(ctx context.Context, log eventlog.Log, f func(eventlog.Event)) error {
	var last int64
	for {
		events, err := log.After(ctx, last, 500)
		if err != nil || len(events) == 0 {
			return err
		}
		for _, event := range events {
			f(event)
			last = event.Seq
		}
	}
}
