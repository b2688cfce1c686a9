package apikey_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/piercloud/apikeys/pkg/apikey"
)

func TestLifespanIsOneTo24HoursOrOneTo55Minutes(t *testing.T) {
	values := rapid.OneOf(
		rapid.IntRange(-2, 70), rapid.Int(), rapid.SampledFrom([]int{math.MinInt, math.MaxInt, math.MaxInt32, 1 << 32}),
	)
	units := rapid.OneOf(
		rapid.SampledFrom([]apikey.Unit{apikey.Hours, apikey.Minutes, "", "seconds", "days", "Hours", "hour", "hours "}),
		rapid.Map(rapid.String(), func(s string) apikey.Unit { return apikey.Unit(s) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		l := apikey.Lifespan{Value: values.Draw(t, "value"), Unit: units.Draw(t, "unit")}
		wrong := ""
		switch {
		case l.Unit != apikey.Hours && l.Unit != apikey.Minutes:
			wrong = "token_lifespan.unit"
		case l.Value < 1, l.Unit == apikey.Hours && l.Value > 24, l.Unit == apikey.Minutes && l.Value > 55:
			wrong = "token_lifespan.value"
		}
		err := l.Validate()
		var invalid apikey.InvalidError
		switch {
		case wrong == "" && err != nil:
			t.Fatalf("%+v is refused: %v", l, err)
		case wrong == "":
			if d := l.Duration(); d < time.Minute || d > apikey.LifespanMax {
				t.Fatalf("%+v lasts %v", l, d)
			}
		case !errors.As(err, &invalid) || len(invalid) != 1 || invalid[0].Field != wrong || invalid[0].Message == "":
			t.Fatalf("%+v: %v; want an error of %s", l, err, wrong)
		}
	})
}

func TestLifespanBounds(t *testing.T) {
	tests := []struct {
		lifespan apikey.Lifespan
		duration time.Duration
	}{
		{apikey.Lifespan{Value: 1, Unit: apikey.Hours}, time.Hour},
		{apikey.Lifespan{Value: 24, Unit: apikey.Hours}, 24 * time.Hour},
		{apikey.Lifespan{Value: 1, Unit: apikey.Minutes}, time.Minute},
		{apikey.Lifespan{Value: 55, Unit: apikey.Minutes}, 55 * time.Minute},
		{apikey.DefaultLifespan, time.Hour},
	}
	for _, test := range tests {
		if err := test.lifespan.Validate(); err != nil || test.lifespan.Duration() != test.duration {
			t.Errorf("%+v: %v and %v, want %v", test.lifespan, err, test.lifespan.Duration(), test.duration)
		}
	}
	for _, l := range []apikey.Lifespan{{0, apikey.Hours}, {25, apikey.Hours}, {-1, apikey.Hours}, {0, apikey.Minutes}, {56, apikey.Minutes}, {}} {
		if l.Validate() == nil {
			t.Errorf("%+v is accepted", l)
		}
	}
}
