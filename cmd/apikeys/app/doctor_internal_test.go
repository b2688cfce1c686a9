package app

import (
	"testing"
	"time"
)

func TestTheDoctorJudgesClocksAndDisksByTheirBounds(t *testing.T) {
	clock := func(skew time.Duration) func(*doctor) { return func(d *doctor) { d.judgeClock(skew) } }
	disk := func(free uint64) func(*doctor) { return func(d *doctor) { d.judgeDisk("data", free) } }
	for name, test := range map[string]struct {
		judge func(*doctor)
		want  Verdict
	}{
		"a clock that agrees":                     {clock(0), Fine},
		"a clock within what the question took":   {clock(-time.Millisecond), Fine},
		"a clock off by what is tolerated":        {clock(skewTolerated), Fine},
		"a clock off by more":                     {clock(skewTolerated + time.Millisecond), Warning},
		"a clock off by what verifiers allow for": {clock(skewMax), Warning},
		"a clock off by more than that":           {clock(skewMax + time.Millisecond), Problem},
		"a disk with room":                        {disk(diskFree), Fine},
		"a disk with less":                        {disk(diskFree - 1), Warning},
		"a full disk":                             {disk(0), Warning},
	} {
		t.Run(name, func(t *testing.T) {
			var d doctor
			test.judge(&d)
			if len(d.findings) != 1 || d.findings[0].Verdict != test.want || d.findings[0].Remedy == "" != (test.want == Fine) {
				t.Errorf("got %+v, want one %s", d.findings, test.want)
			}
		})
	}
}
