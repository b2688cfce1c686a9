package resourceserver_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	awaiting "github.com/piercloud/apikeys/pkg/await" // await is taken: it waits for a position
	"github.com/piercloud/apikeys/pkg/clocktest"
	"github.com/piercloud/apikeys/pkg/resourceserver"
	"github.com/piercloud/apikeys/pkg/resourceserver/resourceservertest"
)

// inBubble runs a test in a bubble, whose fake clock moves when all goroutines wait, with an issuer that needs no network.
func inBubble(t *testing.T, options resourceserver.Options, test func(*testing.T, *resourceservertest.Issuer, *resourceserver.Verifier)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory())
		verifier := issuer.NewVerifier(t, options)
		synctest.Wait()
		test(t, issuer, verifier)
	})
}

// let lets fake time pass and then waits until all other goroutines are blocked.
func let(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // in a bubble: moves the fake clock
	synctest.Wait()
}

func TestRevocationArrivesByStreamAtOnce(t *testing.T) {
	for name, revoke := range map[string]func(issuer *resourceservertest.Issuer, token string) uint64{
		"of a client": func(issuer *resourceservertest.Issuer, _ string) uint64 {
			return issuer.Revoke(resourceservertest.ClientID)
		},
		"of a token": (*resourceservertest.Issuer).RevokeToken,
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, resourceserver.Options{}, func(t *testing.T, issuer *resourceservertest.Issuer, verifier *resourceserver.Verifier) {
				token := issuer.Token()
				start, requests := time.Now(), issuer.Requests(feedPath)
				await(t, verifier, revoke(issuer, token))
				if took, more := time.Since(start), issuer.Requests(feedPath)-requests; took != 0 || more != 0 {
					t.Errorf("it took %v of fake time and %d further requests", took, more)
				}
				_, err := verifier.Verify(t.Context(), token)
				wantError(t, err, resourceserver.ErrRevoked)
				if !verifier.FeedStatus().Streaming {
					t.Error("not streaming")
				}
			})
		})
	}
}

func TestQuietStreamStaysUpOnHeartbeats(t *testing.T) {
	inBubble(t, resourceserver.Options{}, func(t *testing.T, issuer *resourceservertest.Issuer, verifier *resourceserver.Verifier) {
		before := issuer.Requests(feedPath)
		let(time.Hour)
		if got := issuer.Requests(feedPath) - before; got != 0 {
			t.Errorf("%d further requests within an hour of quiet", got)
		}
		if status := verifier.FeedStatus(); !status.Streaming || status.Stale {
			t.Errorf("got %+v", status)
		}
	})
}

func TestCutStreamIsResumedWhereItEnded(t *testing.T) {
	inBubble(t, resourceserver.Options{}, func(t *testing.T, issuer *resourceservertest.Issuer, verifier *resourceserver.Verifier) {
		token := issuer.Token()
		issuer.CutFeed()
		position := issuer.Revoke(resourceservertest.ClientID)
		let(100 * time.Millisecond) // the longest back-off after a first failure
		if status := verifier.FeedStatus(); !status.Streaming || status.Position != position {
			t.Errorf("got %+v", status)
		}
		_, err := verifier.Verify(t.Context(), token)
		wantError(t, err, resourceserver.ErrRevoked)
	})
}

// TestALostStreamCostsTwoReadingsOfTheSnapshot: it costs no more than that, because all followers of a server that is restarted do
// so at once. If nothing was revoked, these readings transfer no snapshot.
func TestALostStreamCostsTwoReadingsOfTheSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory())
		var conditions []string
		verifier := issuer.NewVerifier(t, resourceserver.Options{HTTPClient: &http.Client{Transport: &between{
			next: issuer.Client().Transport,
			snapshot: func(r *http.Request) *http.Response {
				conditions = append(conditions, r.Header.Get("If-None-Match"))
				return nil
			},
		}}})
		for range 3 {
			let(time.Hour)
			issuer.CutFeed()
		}
		let(time.Hour)
		if want := []string{"", `"0"`, `"0"`, `"0"`, `"0"`, `"0"`, `"0"`}; !slices.Equal(conditions, want) {
			t.Errorf("snapshots were asked for with the tags %q", conditions)
		}
		if status := verifier.FeedStatus(); !status.Streaming || status.Stale {
			t.Errorf("got %+v", status)
		}
	})
}

// TestAStreamOfAnotherHistoryHidesNoRevocation: if the server's log has lost its newest event and then given that event's number to
// a revocation, a stream that continues after that number does not report the revocation. Nor does a snapshot of a replica that
// lags behind, or one that was made a while ago, as its Age header says.
func TestAStreamOfAnotherHistoryHidesNoRevocation(t *testing.T) {
	for name, kept := range map[string]struct{ old, behind time.Duration }{
		"a replica is a moment behind": {0, 750 * time.Millisecond},
		"a snapshot is kept":           {4 * time.Second, 3500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) { hidesNoRevocation(t, kept.old, kept.behind) })
	}
}

// hidesNoRevocation lets snapshots lack a revocation for the time behind, with an Age header that says old.
func hidesNoRevocation(t *testing.T, old, behind time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory())
		position := issuer.LogSomethingElse()
		before := read(t, issuer, feedPath)
		var open *io.PipeWriter
		var failedOver atomic.Pointer[time.Time]
		verifier := issuer.NewVerifier(t, resourceserver.Options{HTTPClient: &http.Client{Transport: &between{
			next: issuer.Client().Transport,
			stream: func(r *http.Request) *http.Response {
				in, out := io.Pipe()
				open = out
				go func() {
					for r.Context().Err() == nil {
						_, _ = fmt.Fprintf(out, "id: %d\nevent: position\ndata: {}\n\n", position)
						select {
						case <-time.After(4 * time.Second):
						case <-r.Context().Done():
						}
					}
				}()
				return answer("text/event-stream", in)
			},
			snapshot: func(*http.Request) *http.Response {
				if at := failedOver.Load(); at != nil && time.Since(*at) < behind {
					a := answer("application/jose+json", bytes.NewReader(bytes.Clone(before)))
					a.Header.Set("Age", strconv.Itoa(int(old.Seconds())))
					return a
				}
				return nil
			},
		}}})
		let(time.Minute + 500*time.Millisecond) // half a poll interval before the time of the next reading, in case there is one
		token := issuer.Token()
		now := time.Now()
		failedOver.Store(&now)
		issuer.Revoke(resourceservertest.ClientID)
		_ = open.CloseWithError(io.ErrUnexpectedEOF)
		let(behind + 1250*time.Millisecond) // one and a quarter poll intervals more
		_, err := verifier.Verify(t.Context(), token)
		wantError(t, err, resourceserver.ErrRevoked)
	})
}

// TestAKeptSnapshotIsReliedOnFromItsCompletionOn: a cached snapshot lacks what was revoked since it was made, however promptly it
// is sent, so the bound counts from its completion.
func TestAKeptSnapshotIsReliedOnFromItsCompletionOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory())
		before := read(t, issuer, feedPath)
		var old atomic.Int64
		verifier := issuer.NewVerifier(t, resourceserver.Options{HTTPClient: &http.Client{Transport: &between{
			next: issuer.Client().Transport,
			stream: func(*http.Request) *http.Response {
				return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody}
			},
			snapshot: func(*http.Request) *http.Response {
				a := answer("application/jose+json", bytes.NewReader(bytes.Clone(before)))
				a.Header.Set("Age", strconv.FormatInt(old.Load(), 10))
				return a
			},
		}}})
		token := issuer.Token()
		old.Store(int64(resourceserver.FeedLossMaxDefault/time.Second) - 5)
		let(time.Minute)
		if _, err := verifier.Verify(t.Context(), token); err != nil {
			t.Errorf("with snapshots that are younger than what is borne: %v", err)
		}
		old.Store(int64(resourceserver.FeedLossMaxDefault/time.Second) + 1)
		let(time.Minute)
		_, err := verifier.Verify(t.Context(), token)
		wantError(t, err, resourceserver.ErrFeedStale)
		if status := verifier.FeedStatus(); time.Since(status.LastContact) <= resourceserver.FeedLossMaxDefault {
			t.Errorf("got %+v at %v", status, time.Now())
		}
	})
}

// TestAStreamAfterALostOneIsNoSignOfLifeWithoutASnapshot: the new stream may belong to another history of the log.
func TestAStreamAfterALostOneIsNoSignOfLifeWithoutASnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory())
		var unavailable atomic.Bool
		verifier := issuer.NewVerifier(t, resourceserver.Options{HTTPClient: &http.Client{Transport: &between{
			next: issuer.Client().Transport,
			snapshot: func(*http.Request) *http.Response {
				if unavailable.Load() {
					return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody}
				}
				return nil
			},
		}}})
		let(time.Minute)
		unavailable.Store(true)
		issuer.CutFeed()
		let(resourceserver.FeedLossMaxDefault + time.Second)
		token := issuer.Token()
		_, err := verifier.Verify(t.Context(), token)
		wantError(t, err, resourceserver.ErrFeedStale)
		if !verifier.FeedStatus().Streaming {
			t.Error("not streaming")
		}
		unavailable.Store(false)
		let(15 * time.Second)
		if _, err := verifier.Verify(t.Context(), token); err != nil {
			t.Error(err)
		}
	})
}

func TestWithoutStreamTheSnapshotIsPolled(t *testing.T) {
	inBubble(t, resourceserver.Options{}, func(t *testing.T, issuer *resourceservertest.Issuer, verifier *resourceserver.Verifier) {
		issuer.SetStreaming(false)
		let(time.Minute)
		token := issuer.Token()
		if _, err := verifier.Verify(t.Context(), token); err != nil {
			t.Errorf("after a minute without a stream: %v", err)
		}
		issuer.Revoke(resourceservertest.ClientID)
		let(time.Second)
		_, err := verifier.Verify(t.Context(), token)
		wantError(t, err, resourceserver.ErrRevoked)
		if verifier.FeedStatus().Streaming {
			t.Error("claims to be streaming")
		}

		issuer.SetStreaming(true)
		let(10 * time.Second) // the longest back-off
		if !verifier.FeedStatus().Streaming {
			t.Error("did not return to streaming")
		}
	})
}

func TestStreamThatCannotBeResumedLeadsToASnapshot(t *testing.T) {
	inBubble(t, resourceserver.Options{}, func(t *testing.T, issuer *resourceservertest.Issuer, verifier *resourceserver.Verifier) {
		token := issuer.Token()
		issuer.Stop()
		issuer.Revoke(resourceservertest.ClientID)
		position := issuer.LogSomethingElse()
		issuer.ForgetHistory()
		issuer.Resume()
		let(time.Second)
		if status := verifier.FeedStatus(); !status.Streaming || status.Position != position {
			t.Errorf("got %+v", status)
		}
		_, err := verifier.Verify(t.Context(), token)
		wantError(t, err, resourceserver.ErrRevoked)
	})
}

func TestKeepAcceptingEndsAfterTheBound(t *testing.T) {
	inBubble(t, resourceserver.Options{FeedLossMax: 20 * time.Second}, func(t *testing.T, issuer *resourceservertest.Issuer, verifier *resourceserver.Verifier) {
		seen := issuer.Token()
		if _, err := verifier.Verify(t.Context(), seen); err != nil {
			t.Fatal(err)
		}
		issuer.Stop()
		let(15 * time.Second) // at most 5 s after the last heartbeat
		for name, token := range map[string]string{"seen": seen, "unseen": issuer.Token()} {
			if _, err := verifier.Verify(t.Context(), token); err != nil {
				t.Errorf("%s token within the bound: %v", name, err)
			}
		}
		let(5 * time.Second) // to the bound
		if _, err := verifier.Verify(t.Context(), seen); err != nil {
			t.Errorf("at the bound: %v", err)
		}
		let(time.Nanosecond)
		for name, token := range map[string]string{"seen": seen, "unseen": issuer.Token()} {
			_, err := verifier.Verify(t.Context(), token)
			t.Log(name)
			wantError(t, err, resourceserver.ErrFeedStale)
		}
		if !verifier.FeedStatus().Stale {
			t.Error("the status doesn't tell")
		}
		_, err := verifier.Verify(t.Context(), "garbage")
		wantError(t, err, resourceserver.ErrMalformed)

		issuer.Resume()
		let(15 * time.Second)
		if _, err := verifier.Verify(t.Context(), seen); err != nil {
			t.Errorf("after the server's return: %v", err)
		}
	})
}

// TestASleepOfTheMachineCountsForTheBound: the monotonic clock stands still while a machine sleeps, but revocations made in that
// time have been missed.
func TestASleepOfTheMachineCountsForTheBound(t *testing.T) {
	var slept atomic.Pointer[time.Time]
	now := func() time.Time {
		if woken := slept.Load(); woken != nil {
			return *woken
		}
		return time.Now()
	}
	issuer := resourceservertest.NewIssuer(t, resourceservertest.WithClock(now))
	verifier := issuer.NewVerifier(t, resourceserver.Options{})
	streaming := func() bool { return verifier.FeedStatus().Streaming }
	awaiting.Until(t, time.Minute, "the stream speaks", streaming)
	issuer.Stop()
	awaiting.Until(t, time.Minute, "the stream has ended", func() bool { return !streaming() })
	token := issuer.Token(claims{"exp": now().Add(12 * time.Hour).Unix()})
	if _, err := verifier.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	woken := clocktest.Asleep(t, now(), time.Hour)
	slept.Store(&woken)
	_, err := verifier.Verify(t.Context(), token)
	wantError(t, err, resourceserver.ErrFeedStale)
}

// TestWhatWasUnderWayWhenTheMachineSleptIsNoNews: a message that is read when the machine wakes may have been sent before it slept.
func TestWhatWasUnderWayWhenTheMachineSleptIsNoNews(t *testing.T) {
	for name, streaming := range map[string]bool{"a heartbeat": true, "an answer to the poll": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asleep atomic.Int64 // time.Duration
				now := func() time.Time { return time.Now().Add(time.Duration(asleep.Load())) }
				issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory(), resourceservertest.WithClock(now))
				issuer.SetStreaming(false)
				streamed, stream := io.Pipe()
				polled := make(chan struct{})
				network := &between{next: issuer.Client().Transport}
				if streaming {
					network.stream = func(*http.Request) *http.Response { return answer("text/event-stream", streamed) }
				} else {
					network.snapshot = func(r *http.Request) *http.Response {
						if r.Header.Get("If-None-Match") == "" {
							return nil
						}
						<-polled
						return &http.Response{StatusCode: http.StatusNotModified, Body: http.NoBody}
					}
				}
				verifier := issuer.NewVerifier(t, resourceserver.Options{HTTPClient: &http.Client{Transport: network}})
				arrive := func() { close(polled) }
				if streaming {
					arrive = func() { _, _ = io.WriteString(stream, heartbeat) }
					arrive()
				}
				let(3 * time.Second)
				token := issuer.Token(claims{"exp": now().Add(12 * time.Hour).Unix()})
				if _, err := verifier.Verify(t.Context(), token); err != nil {
					t.Fatal(err)
				}
				issuer.Stop()
				asleep.Store(int64(time.Hour))
				arrive()
				synctest.Wait()
				_, err := verifier.Verify(t.Context(), token)
				wantError(t, err, resourceserver.ErrFeedStale)
				if verifier.FeedStatus().Streaming {
					t.Error("claims to be streaming")
				}
			})
		})
	}
}

func TestRefuseAtOnceRefusesFromTheBreakToTheNextContact(t *testing.T) {
	for name, test := range map[string]struct {
		streaming     bool
		noticed, over time.Duration // times after the break and after its end, when tokens are refused and accepted again
	}{
		"of a stream":     {true, 0, time.Second},
		"of what is read": {false, resourceserver.PollIntervalDefault, 2 * resourceserver.PollIntervalDefault},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, resourceserver.Options{OnFeedLost: resourceserver.RefuseAtOnce}, func(t *testing.T, issuer *resourceservertest.Issuer, verifier *resourceserver.Verifier) {
				if !test.streaming {
					issuer.SetStreaming(false)
					let(time.Minute)
				}
				token := issuer.Token()
				if _, err := verifier.Verify(t.Context(), token); err != nil {
					t.Fatal(err)
				}
				issuer.Stop()
				let(test.noticed)
				_, err := verifier.Verify(t.Context(), token)
				wantError(t, err, resourceserver.ErrFeedStale)
				issuer.Resume()
				let(test.over)
				if _, err := verifier.Verify(t.Context(), token); err != nil {
					t.Errorf("after the return: %v", err)
				}
			})
		})
	}
}

func TestEveryByteAtWhichAStreamCanBeCut(t *testing.T) {
	inBubble(t, resourceserver.Options{}, func(t *testing.T, issuer *resourceservertest.Issuer, verifier *resourceserver.Verifier) {
		// 260 bytes hold the revocation of a client, that of a token, and the beginning of a heartbeat.
		for cut := range 260 {
			byClient, byToken := issuer.Token(), issuer.Token(claims{"client_id": "ak_other"})
			issuer.Stop()
			issuer.Revoke(resourceservertest.ClientID)
			position := issuer.RevokeToken(byToken)
			issuer.CutFeedAfter(cut)
			issuer.Resume()
			await(t, verifier, position)
			for _, token := range []string{byClient, byToken} {
				_, err := verifier.Verify(t.Context(), token)
				wantError(t, err, resourceserver.ErrRevoked)
			}
			if _, err := verifier.Verify(t.Context(), issuer.Token()); err != nil {
				t.Errorf("cut after %d bytes: a good token: %v", cut, err)
			}
		}
	})
}

func TestRevocationsAreForgottenWhenNoTokenCanBeAlive(t *testing.T) {
	inBubble(t, resourceserver.Options{}, func(t *testing.T, issuer *resourceservertest.Issuer, verifier *resourceserver.Verifier) {
		short := issuer.Token()
		longest := issuer.Token(claims{"client_id": "ak_other", "exp": time.Now().Add(24 * time.Hour).Unix()})
		issuer.RevokeToken(short)
		await(t, verifier, issuer.Revoke("ak_other"))

		let(4 * time.Hour)
		if status := verifier.FeedStatus(); status.Clients != 1 || status.Tokens != 0 {
			t.Errorf("after 4 hours: got %+v", status)
		}
		let(20*time.Hour - time.Second)
		_, err := verifier.Verify(t.Context(), longest)
		wantError(t, err, resourceserver.ErrRevoked)
		let(2 * time.Hour)
		if status := verifier.FeedStatus(); status.Clients != 0 {
			t.Errorf("after 26 hours: got %+v", status)
		}
		_, err = verifier.Verify(t.Context(), longest)
		wantError(t, err, resourceserver.ErrExpired)
	})
}

func TestOldSigningKeysGoWithTheNextReadingOfTheKeySet(t *testing.T) {
	for name, test := range map[string]struct {
		inPlace bool // the new key has the old one's kid
		want    error
	}{
		"withdrawn":             {false, resourceserver.ErrUnknownKey},
		"replaced in its place": {true, resourceserver.ErrSignature},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory())
				var instead atomic.Pointer[[]byte] // served instead of the issuer's key set
				verifier := issuer.NewVerifier(t, resourceserver.Options{HTTPClient: &http.Client{Transport: &between{
					next: issuer.Client().Transport,
					keys: func(*http.Request) *http.Response {
						if keys := instead.Load(); keys != nil {
							return answer("application/json", bytes.NewReader(*keys))
						}
						return nil
					},
				}}})
				token := issuer.Token()
				if _, err := verifier.Verify(t.Context(), token); err != nil {
					t.Fatal(err)
				}
				old := kidOf(t, token)
				issuer.RotateSigningKey()
				issuer.WithdrawOldKeys()
				if test.inPlace {
					keys := bytes.ReplaceAll(read(t, issuer, keySetPath), []byte(kidOf(t, issuer.Token())), []byte(old))
					instead.Store(&keys)
				}
				let(5 * time.Minute) // the max-age of the server's Cache-Control
				_, err := verifier.Verify(t.Context(), token)
				wantError(t, err, test.want)
			})
		})
	}
}

// kidOf returns the kid in a token's header.
func kidOf(t *testing.T, token string) string {
	t.Helper()
	encoded, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	var header struct {
		KeyID string `json:"kid"`
	}
	if err := json.Unmarshal(text, &header); err != nil {
		t.Fatal(err)
	}
	return header.KeyID
}

func TestNewTriesAgainUntilTheIssuerIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory())
		issuer.Stop()
		time.AfterFunc(12*time.Second, issuer.Resume)
		verifier := issuer.NewVerifier(t, resourceserver.Options{})
		if _, err := verifier.Verify(t.Context(), issuer.Token()); err != nil {
			t.Error(err)
		}
	})
}

// TestATokenThatIsHonouredLongerStaysRevokedForAsLong: a leeway makes tokens valid for longer, so revocations must be kept for
// longer, too.
func TestATokenThatIsHonouredLongerStaysRevokedForAsLong(t *testing.T) {
	options := resourceserver.Options{Leeway: 30 * time.Minute}
	inBubble(t, options, func(t *testing.T, issuer *resourceservertest.Issuer, verifier *resourceserver.Verifier) {
		lives, revoked := issuer.Token(), issuer.Token()
		await(t, verifier, issuer.RevokeToken(revoked))
		let(time.Hour + 29*time.Minute)
		if _, err := verifier.Verify(t.Context(), lives); err != nil {
			t.Fatalf("the token beside it: %v", err)
		}
		_, err := verifier.Verify(t.Context(), revoked)
		wantError(t, err, resourceserver.ErrRevoked)
	})
}

// TestASnapshotMayTakeLongWhileItMoves: a snapshot of a million revocations takes a while on a slow line, but a transfer must not
// go on for ever.
func TestASnapshotMayTakeLongWhileItMoves(t *testing.T) {
	for name, test := range map[string]struct {
		pieces   int
		pause    time.Duration // before each piece
		taken    bool
		min, max time.Duration // until New has a snapshot
	}{
		"moves":    {10, 9 * time.Second, true, 90 * time.Second, 90 * time.Second},
		"stalls":   {2, 11 * time.Second, false, 10 * time.Second, 11 * time.Second},
		"for ever": {100, 9 * time.Second, false, 5 * time.Minute, 5*time.Minute + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory())
				snapshot := read(t, issuer, feedPath)
				began, asked := time.Now(), 0
				network := &between{next: issuer.Client().Transport, snapshot: func(r *http.Request) *http.Response {
					asked++
					if asked > 1 {
						return nil
					}
					in, out := io.Pipe()
					go func() {
						for i := range test.pieces {
							select {
							case <-time.After(test.pause):
							case <-r.Context().Done():
								return
							}
							_, _ = out.Write(snapshot[i*len(snapshot)/test.pieces : (i+1)*len(snapshot)/test.pieces])
						}
						_ = out.Close()
					}()
					return answer("application/jose+json", in)
				}}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				verifier, err := resourceserver.New(ctx, issuer.URL(), resourceserver.Options{HTTPClient: &http.Client{Transport: network}})
				if err != nil {
					t.Fatal(err)
				}
				defer verifier.Close()
				if took := time.Since(began); took < test.min || took > test.max || test.taken != (asked == 1) {
					t.Errorf("it took %v, and the snapshot was asked for %d times", took, asked)
				}
			})
		})
	}
}

// TestAnOlderSnapshotTakesNothingBack: a cache in between may answer with an older snapshot, which must not undo a revocation.
func TestAnOlderSnapshotTakesNothingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory())
		const client = "ak_client"
		issuer.Revoke(client)
		cached := read(t, issuer, feedPath)
		network := &between{next: issuer.Client().Transport}
		verifier := issuer.NewVerifier(t, resourceserver.Options{HTTPClient: &http.Client{Transport: network}})
		token := issuer.Token(claims{"client_id": client})
		if _, err := verifier.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		await(t, verifier, issuer.Revoke(client))
		_, err := verifier.Verify(t.Context(), token)
		wantError(t, err, resourceserver.ErrRevoked)

		network.snapshot = func(*http.Request) *http.Response {
			return answer("application/jose+json", bytes.NewReader(bytes.Clone(cached)))
		}
		issuer.SetStreaming(false)
		issuer.CutFeed()
		let(time.Minute)
		_, err = verifier.Verify(t.Context(), token)
		wantError(t, err, resourceserver.ErrRevoked)
	})
}

// TestAnAnswerToAConditionThatNobodySetIsRefused: a cache in between may pass on the 304 that answers a condition of its own.
func TestAnAnswerToAConditionThatNobodySetIsRefused(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	network := &between{next: issuer.Client().Transport, snapshot: func(*http.Request) *http.Response {
		return &http.Response{StatusCode: http.StatusNotModified, Body: http.NoBody, Header: http.Header{}}
	}}
	_, err := resourceserver.New(t.Context(), issuer.URL(), resourceserver.Options{HTTPClient: &http.Client{Transport: network}})
	if err == nil || !strings.Contains(err.Error(), "304") {
		t.Errorf("got %v, want it to name the 304", err)
	}
}

// read returns the body of the issuer's current answer at a path.
func read(t *testing.T, issuer *resourceservertest.Issuer, path string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, issuer.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := issuer.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}
