package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/template"
)

// report is the newest result of each yardstick. It is kept beside the document, so that some yardsticks can be measured again
// without the others.
type report struct {
	Sections []section `json:"sections"`
}

func readReport(path string) (report, error) {
	var r report
	text, err := os.ReadFile(filepath.Clean(path))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// put replaces the previous result of a yardstick, and keeps the order of the list.
func (r *report) put(s section) {
	r.Sections = slices.DeleteFunc(r.Sections, func(old section) bool { return old.Name == s.Name })
	r.Sections = append(r.Sections, s)
	place := func(s section) int {
		return slices.IndexFunc(yardsticks, func(y yardstick) bool { return y.name == s.Name })
	}
	slices.SortStableFunc(r.Sections, func(a, b section) int { return place(a) - place(b) })
}

//go:embed report.md.tmpl
var reportTemplate string

// write writes the file of results and the document.
func (r *report) write(o options) error {
	figures, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	document, err := template.New("report").Funcs(template.FuncMap{"cells": cells, "line": tableLine}).Parse(reportTemplate)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	err = document.Execute(&text, map[string]any{"Report": r, "Heads": heads, "Rounds": o.rounds, "Portion": o.portion})
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Clean(o.results), append(figures, '\n'), 0o644), //nolint:gosec // part of the repository
		os.WriteFile(filepath.Clean(o.output), text.Bytes(), 0o644))           //nolint:gosec // likewise
}

func cells(r row) []string { return r.cells() }

func tableLine(cells []string) string { return "| " + strings.Join(cells, " | ") + " |" }

// machine describes the machine that the figures come from.
func machine() string {
	parts := []string{runtime.GOOS + "/" + runtime.GOARCH, fmt.Sprintf("%d processors", runtime.NumCPU())}
	if model := processorModel(); model != "" {
		parts = append(parts, model)
	}
	return strings.Join(append(parts, runtime.Version()), ", ")
}

// processorModel returns what Linux calls the processor.
func processorModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
