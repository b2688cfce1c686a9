package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// section is the result of one yardstick.
type section struct {
	Name     string    `json:"name"`
	Title    string    `json:"title"`
	Machine  string    `json:"machine"`
	Commit   string    `json:"commit"`
	Measured time.Time `json:"measured"`
	Rows     []row     `json:"rows"`
	Notes    []string  `json:"notes,omitempty"` // paragraphs below the table, in Markdown
}

// row is one line of a table.
type row struct {
	What    string `json:"what"`
	Unit    string `json:"unit"`           // such as "/s" or "ms"
	Service sample `json:"service"`        // a value for each round
	Bare    sample `json:"bare,omitempty"` // the same for the bare handler, if there is one
	// Target bounds the ratio of the medians or, without a bare handler, the service's median. The zero value means no target.
	Target target `json:"target,omitzero"`
}

// target is a bound that must be kept. Only one of its fields is set.
type target struct {
	AtLeast float64 `json:"at_least,omitempty"`
	AtMost  float64 `json:"at_most,omitempty"`
	Zero    bool    `json:"zero,omitempty"` // the value must be zero
}

func (t target) met(value float64) bool {
	return value >= t.AtLeast && (t.AtMost == 0 || value <= t.AtMost) && (!t.Zero || value == 0)
}

func (t target) String() string {
	switch {
	case t.Zero:
		return "0"
	case t.AtLeast > 0:
		return fmt.Sprintf("≥ %g", t.AtLeast)
	case t.AtMost > 0:
		return fmt.Sprintf("≤ %g", t.AtMost)
	default:
		return ""
	}
}

// sample is the values of all rounds.
type sample []float64

// median returns the middle value, or the mean of the two in the middle.
func (s sample) median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// text returns the median, and the range of the rounds.
func (s sample) text(unit string) string {
	if len(s) == 0 {
		return ""
	}
	text := figure(s.median()) + unit
	if len(s) > 1 {
		text += fmt.Sprintf(" (%s to %s)", figure(slices.Min(s)), figure(slices.Max(s)))
	}
	return text
}

// figure formats a number with its significant digits.
func figure(v float64) string {
	switch {
	case v >= 100 || v == float64(int64(v)):
		return thousands(int64(v + 0.5))
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// thousands formats an integer with commas.
func thousands(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// ratio returns the ratio of the medians; ok is false without a bare handler.
func (r row) ratio() (ratio float64, ok bool) {
	if len(r.Bare) == 0 || r.Bare.median() == 0 {
		return 0, false
	}
	return r.Service.median() / r.Bare.median(), true
}

// cells returns the row as it is printed: what, service, bare, ratio, target, and whether it is met.
func (r row) cells() []string {
	cells := []string{r.What, r.Service.text(r.Unit), r.Bare.text(r.Unit), "", r.Target.String(), ""}
	value := r.Service.median()
	if ratio, ok := r.ratio(); ok {
		value = ratio
		cells[3] = fmt.Sprintf("%.2f", ratio)
		if cells[4] != "" {
			cells[4] += " ×"
		}
	} else if cells[4] != "" {
		cells[4] += r.Unit
	}
	switch {
	case r.Target == target{}:
	case r.Target.met(value):
		cells[5] = "yes"
	default:
		cells[5] = "**no**"
	}
	return cells
}

// heads are the column headings of every table.
var heads = []string{"what", "service", "bare", "ratio", "target", "met"}

// print writes the section for a terminal.
func (s section) print(w io.Writer) {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	lines := [][]string{heads}
	for _, r := range s.Rows {
		lines = append(lines, r.cells())
	}
	for _, cells := range lines {
		_, _ = io.WriteString(table, "  "+strings.ReplaceAll(strings.Join(cells, "\t"), "**", "")+"\n") // into memory
	}
	_ = table.Flush() // likewise
	for _, note := range s.Notes {
		if !strings.Contains(note, "\n") {
			text.WriteString("  " + note + "\n")
		}
	}
	_, _ = io.WriteString(w, text.String()) // if the terminal can't be written to, there is nobody to tell
}
