package api

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/piercloud/apikeys/pkg/limit"
)

// setStanding tells a caller where it stands, unless there is no limit. The three fields are those that clients read today;
// the drafts that would replace them still change.
func setStanding(h http.Header, s limit.Standing) {
	if s.Limit == 0 {
		return
	}
	values := [...]string{strconv.Itoa(s.Limit), strconv.Itoa(s.Remaining), strconv.Itoa(wholeSeconds(s.Reset))}
	fields := values[:] // one allocation for three headers
	h["Ratelimit-Limit"], h["Ratelimit-Remaining"], h["Ratelimit-Reset"] = fields[0:1:1], fields[1:2:2], fields[2:3:3]
}

// clearStanding takes back what setStanding has told.
func clearStanding(h http.Header) {
	delete(h, "Ratelimit-Limit")
	delete(h, "Ratelimit-Remaining")
	delete(h, "Ratelimit-Reset")
}

func wholeSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// countManagement counts a management request for the operator or the API key that makes it. What is public is counted
// where it is done. Errors: limit.ExceededError.
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
