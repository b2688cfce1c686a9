package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

func newAnswer(caller, key string) apikey.Answer {
	return apikey.Answer{
		Caller: caller, IdempotencyKey: key, RequestDigest: sha256.Sum256([]byte(key)), Sealed: []byte{0, 1, 0xff}, CreatedAt: epoch,
	}
}

func answerIsAtomic(t *testing.T, b Backend) {
	answer := newAnswer("operator/1", "first")
	k := newKey(b.Home, "answered")
	if err := b.Keys.Create(t.Context(), k, draft(k, eventlog.APIKeyCreated), &answer); err != nil {
		t.Fatal(err)
	}
	// A repetition is recognised before its name is found to be taken.
	again := newKey(b.Home, "answered")
	if err := b.Keys.Create(t.Context(), again, draft(again, eventlog.APIKeyCreated), &answer); !errors.Is(err, apikey.ErrAnswered) {
		t.Errorf("got %v, want ErrAnswered", err)
	}
	// A create that fails stores no answer.
	failed := newAnswer("operator/1", "second")
	if err := b.Keys.Create(t.Context(), again, draft(again, eventlog.APIKeyCreated), &failed); !errors.Is(err, apikey.ErrNameTaken) {
		t.Errorf("got %v, want ErrNameTaken", err)
	}
	if _, err := b.Keys.Answer(t.Context(), failed.Caller, failed.IdempotencyKey, epoch); !errors.Is(err, apikey.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	// Of many simultaneous creates, one creates a key.
	race := newAnswer("operator/1", "race")
	var created atomic.Int32
	parallel(t, 8, func(ctx context.Context, i int) error {
		k := newKey(b.Home, fmt.Sprint("racer ", i))
		err := b.Keys.Create(ctx, k, draft(k, eventlog.APIKeyCreated), &race)
		if err == nil {
			created.Add(1)
		} else if errors.Is(err, apikey.ErrAnswered) {
			err = nil
		}
		return err
	})
	if total := list(t, b, apikey.Query{Search: "racer"}).Total; created.Load() != 1 || total != 1 {
		t.Errorf("%d of the repeated creates succeeded and left %d keys", created.Load(), total)
	}
	events(t, b)
}

func answersAge(t *testing.T, b Backend) {
	answer, other := newAnswer("operator/1", "same"), newAnswer("operator/2", "same")
	other.CreatedAt = epoch.Add(time.Hour)
	for i, a := range []apikey.Answer{answer, other} {
		k := newKey(b.Home, fmt.Sprint("key ", i))
		if err := b.Keys.Create(t.Context(), k, draft(k, eventlog.APIKeyCreated), &a); err != nil {
			t.Fatal(err)
		}
	}
	find := func(a apikey.Answer, notBefore time.Time) error {
		got, err := b.Keys.Answer(t.Context(), a.Caller, a.IdempotencyKey, notBefore)
		if err == nil && !reflect.DeepEqual(got, a) {
			t.Errorf("got %+v, want %+v", got, a)
		}
		return err
	}
	for _, notBefore := range []time.Time{{}, epoch} {
		if err := find(answer, notBefore); err != nil {
			t.Errorf("an answer of %v, not before %v: %v", epoch, notBefore, err)
		}
	}
	if err := find(answer, epoch.Add(time.Microsecond)); !errors.Is(err, apikey.ErrNotFound) {
		t.Errorf("too old: got %v, want ErrNotFound", err)
	}
	if err := b.Keys.PurgeAnswers(t.Context(), other.CreatedAt); err != nil {
		t.Fatal(err)
	}
	if err := find(answer, time.Time{}); !errors.Is(err, apikey.ErrNotFound) {
		t.Errorf("purged: got %v, want ErrNotFound", err)
	}
	if err := find(other, time.Time{}); err != nil {
		t.Errorf("not purged: %v", err)
	}
}

func answersAreResealed(t *testing.T, b Backend) {
	const count = 1203 // more than two batches
	for i := range count {
		k, a := newKey(b.Home, fmt.Sprint("key ", i)), newAnswer(fmt.Sprint("operator/", i%7), fmt.Sprint("answer ", i))
		if err := b.Keys.Create(t.Context(), k, draft(k, eventlog.APIKeyCreated), &a); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	n, err := b.Keys.ResealAnswers(t.Context(), func(a apikey.Answer) ([]byte, error) {
		seen[a.Caller+" "+a.IdempotencyKey] = true
		if a.Caller == "operator/3" {
			return nil, nil
		}
		return []byte(a.IdempotencyKey), nil
	})
	if err != nil || n != count-172 || len(seen) != count {
		t.Fatalf("%d of %d answers were resealed, %v", n, len(seen), err)
	}
	for i := range count {
		a := newAnswer(fmt.Sprint("operator/", i%7), fmt.Sprint("answer ", i))
		if i%7 != 3 {
			a.Sealed = []byte(a.IdempotencyKey)
		}
		if got, err := b.Keys.Answer(t.Context(), a.Caller, a.IdempotencyKey, epoch); err != nil || !reflect.DeepEqual(got, a) {
			t.Fatalf("got %+v, %v; want %+v", got, err, a)
		}
	}
	failure := errors.New("no")
	if _, err := b.Keys.ResealAnswers(t.Context(), func(apikey.Answer) ([]byte, error) { return nil, failure }); err != failure { //nolint:errorlint // the same error, not one that wraps it
		t.Errorf("got %v, want %v as it is", err, failure)
	}
}
