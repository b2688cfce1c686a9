package api

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/piercloud/apikeys/pkg/limit"
)

// setStanding tells a caller how much of its rate limit is left, if it has one. These three headers are what clients read today;
// the drafts that are to replace them are still changing.
func setStanding(h http.Header, s limit.Standing) {
	if s.Limit == 0 {
		return
	}
	values := [...]string{strconv.Itoa(s.Limit), strconv.Itoa(s.Remaining), strconv.Itoa(wholeSeconds(s.Reset))}
	fields := values[:] // one allocation for three headers
	h["Ratelimit-Limit"], h["Ratelimit-Remaining"], h["Ratelimit-Reset"] = fields[0:1:1], fields[1:2:2], fields[2:3:3]
}

// clearStanding removes what setStanding has set.
func clearStanding(h http.Header) {
	delete(h, "Ratelimit-Limit")
	delete(h, "Ratelimit-Remaining")
	delete(h, "Ratelimit-Reset")
}

func wholeSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// countManagement counts a management request for the operator or the API key that makes it. Public operations are counted where
// they are carried out. Errors: limit.ExceededError.
func (s *server) countManagement(h http.Header, p principal) error {
	if p.caller.Actor.ID == "" {
		return nil
	}
	standing, err := s.management.Take(p.caller.Actor.ID)
	if err != nil {
		return err
	}
	setStanding(h, standing)
	return nil
}
