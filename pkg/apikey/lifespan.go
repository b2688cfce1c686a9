package apikey

import (
	"fmt"
	"time"
)

// Unit is the unit of a token lifespan.
type Unit string

// The two units.
const (
	Hours   Unit = "hours"
	Minutes Unit = "minutes"
)

// LifespanMax is the longest lifespan. Revocations older than this need not be remembered.
const LifespanMax = 24 * time.Hour

// Lifespan is how long a key's tokens live: 1 to 24 hours, or 1 to 55 minutes. The unit is part of the value, so that operators
// see what they entered.
type Lifespan struct {
	Value int
	Unit  Unit
}

// DefaultLifespan is one hour.
var DefaultLifespan = Lifespan{Value: 1, Unit: Hours}

// max returns the largest value for a unit, 0 for an unknown unit.
func (u Unit) max() int {
	switch u {
	case Hours:
		return 24
	case Minutes:
		return 55
	default:
		return 0
	}
}

// Validate returns an [InvalidError] naming token_lifespan.value or token_lifespan.unit if l is out of bounds.
func (l Lifespan) Validate() error {
	limit := l.Unit.max()
	if limit == 0 {
		return InvalidError{{"token_lifespan.unit", "must be hours or minutes"}}
	}
	if l.Value < 1 || l.Value > limit {
		return InvalidError{{"token_lifespan.value", fmt.Sprintf("must be between 1 and %d when the unit is %s", limit, l.Unit)}}
	}
	return nil
}

// Duration returns l as a duration.
func (l Lifespan) Duration() time.Duration {
	if l.Unit == Minutes {
		return time.Duration(l.Value) * time.Minute
	}
	return time.Duration(l.Value) * time.Hour
}
