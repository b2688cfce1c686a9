package operator

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

func (r *recorder) OperatorByID(context.Context, string) (Operator, error) { return r.operator, nil }

func (r *recorder) OperatorByLink(context.Context, [sha256.Size]byte) (Operator, error) {
	return r.operator, nil
}

// TestPasswordsWaitForTheirTurnUntilTheRequestEnds: hashing a password takes 19 MiB, and strangers can send any number of them.
func TestPasswordsWaitForTheirTurnUntilTheRequestEnds(t *testing.T) {
	const link = "link"
	for name, use := range map[string]func(context.Context, *Service) error{
		"signing in": func(ctx context.Context, s *Service) error {
			_, err := s.SignIn(ctx, "ann@example.com", annsPassword, eventlog.Origin{})
			return err
		},
		"signing in as nobody": func(ctx context.Context, s *Service) error {
			_, err := s.SignIn(ctx, "nobody@example.com", annsPassword, eventlog.Origin{})
			return err
		},
		"accepting an invitation": func(ctx context.Context, s *Service) error {
			_, err := s.Accept(ctx, link, annsPassword, eventlog.Origin{})
			return err
		},
		"changing a password": func(ctx context.Context, s *Service) error {
			_, err := s.ChangePassword(ctx, Caller{TenancyID: "anns", OperatorID: "ann"}, typed, annsPassword)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSignIns(t, false)
				s.store.operator.Link = Link{Digest: sha256.Sum256([]byte(link)), ExpiresAt: s.now.Add(time.Hour)}
				if bytes := cap(s.hashers) * int(hashing.Memory) << 10; bytes > 40<<20 {
					t.Errorf("passwords may take %d bytes", bytes)
				}
				for range cap(s.hashers) {
					s.hashers <- struct{}{}
				}
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				const requests = 3
				ended := make(chan error, requests)
				for range requests {
					go func() { ended <- use(ctx, s.Service) }()
				}
				if synctest.Wait(); len(ended) > 0 {
					t.Errorf("%d did not wait: %v", len(ended), <-ended)
					return
				}
				leave()
				for range requests {
					if err := <-ended; !errors.Is(err, context.Canceled) {
						t.Errorf("who has left gets %v", err)
					}
				}
			})
		})
	}
}
