package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// visit is what Lighthouse measured when it loaded a page once: scores from 0 to 100, and milliseconds.
type visit struct {
	Performance   float64 `json:"performance"`
	Accessibility float64 `json:"accessibility"`
	BestPractices float64 `json:"best-practices"`
	LargestPaint  float64 `json:"lcp"`
	Blocked       float64 `json:"tbt"`
}

// measureConsole lets Lighthouse load the list of a hundred keys as a signed-in operator sees it. The console's own script does
// that, with a service and a database of its own.
func measureConsole(ctx context.Context, b *bench) (section, error) {
	var s section
	if err := b.lighthouse(ctx); err != nil {
		return s, err
	}
	for _, profile := range []string{"mobile", "slowed", "desktop"} {
		text, err := os.ReadFile(filepath.Join(b.folder, profile+".json"))
		if err != nil {
			return s, err
		}
		var visits []visit
		if err := json.Unmarshal(text, &visits); err != nil {
			return s, fmt.Errorf("decode the figures of Lighthouse: %w", err)
		}
		s.Rows = append(s.Rows, visitRows(profile, visits)...)
	}
	s.Notes = []string{
		"Lighthouse with its own profiles: mobile is a line of 1.6 Mbit/s with 150 ms of latency and a processor a quarter as fast as this one, " +
			"desktop a line of 10 Mbit/s with 40 ms. Each visit starts with an empty cache. Lighthouse visits the page at full speed and computes from that " +
			"how a slower visit would have gone. It multiplies this machine's times by four, so that any other load counts fourfold. It also assumes that " +
			"a paint waits for everything that arrived before it here, where the line takes no time, and so for the scripts, too, in a visit in which they " +
			"arrived before the frame was painted. \"Actually slowed down\" is a visit that the browser itself slows down (Lighthouse's throttling method devtools).",
	}
	return s, nil
}

// lighthouse runs the console's script, which leaves the figures of each profile in the temporary folder.
func (b *bench) lighthouse(ctx context.Context) error {
	binary, err := filepath.Abs(b.binary)
	if err != nil {
		return err
	}
	script := exec.CommandContext(ctx, "npm", "--prefix", "frontend", "run", "--silent", "lighthouse")
	script.Env = append(os.Environ(), "APIKEYS_BIN="+binary, "LIGHTHOUSE_RESULTS="+b.folder, "LIGHTHOUSE_RUNS="+strconv.Itoa(b.rounds))
	for _, command := range []*exec.Cmd{exec.CommandContext(ctx, ".make/ensure", "browser"), script} {
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", command.Path, err, out)
		}
	}
	return nil
}

// visitRows returns the rows of a profile.
func visitRows(profile string, visits []visit) []row {
	line := func(what, unit string, t target, figure func(visit) float64) row {
		r := row{What: what, Unit: unit, Target: t}
		for _, v := range visits {
			r.Service = append(r.Service, figure(v))
		}
		return r
	}
	largestPaint := func(v visit) float64 { return v.LargestPaint }
	soon := target{AtMost: 1800}
	if profile == "slowed" {
		return []row{line("mobile, actually slowed down: largest contentful paint", " ms", soon, largestPaint)}
	}
	if profile == "desktop" {
		soon = target{}
	}
	return []row{
		line(profile+": performance", "", target{AtLeast: 95}, func(v visit) float64 { return v.Performance }),
		line(profile+": accessibility", "", target{AtLeast: 100}, func(v visit) float64 { return v.Accessibility }),
		line(profile+": best practices", "", target{AtLeast: 100}, func(v visit) float64 { return v.BestPractices }),
		line(profile+": largest contentful paint", " ms", soon, largestPaint),
		line(profile+": total blocking time", " ms", target{}, func(v visit) float64 { return v.Blocked }),
	}
}
