package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// shownBy finds a file of tests and the name of one of its tests.
var shownBy = regexp.MustCompile("`([a-zA-Z0-9/._-]+(?:_test\\.go|\\.spec\\.ts))` `([^`]+)`")

func TestEveryClaimOfTheThreatModelNamesTestsThatThereAre(t *testing.T) {
	const repository = "../.."
	text, err := os.ReadFile(filepath.Join(repository, "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	claims, inTable := 0, false
	for line := range strings.Lines(string(text)) {
		switch {
		case !strings.HasPrefix(line, "|"):
			inTable = false
			continue
		case strings.HasPrefix(line, "| claim | shown by |"):
			inTable = true
			continue
		case !inTable || strings.HasPrefix(line, "|---"):
			continue
		}
		claims++
		cells := strings.Split(strings.Trim(line, "|\n "), " | ")
		named := shownBy.FindAllStringSubmatch(cells[len(cells)-1], -1)
		if len(cells) != 2 || len(named) == 0 || strings.Count(cells[1], "`") != 4*len(named) {
			t.Errorf("the claim names no test, or something else: %s", line)
		}
		for _, test := range named {
			source, err := os.ReadFile(filepath.Join(repository, test[1]))
			if err != nil {
				t.Error(err)
				continue
			}
			declaration := "func " + test[2] + "("
			if strings.HasSuffix(test[1], ".ts") {
				declaration = `test("` + test[2]
			}
			if !strings.Contains(string(source), declaration) {
				t.Errorf("%s has no test %s", test[1], test[2])
			}
		}
	}
	if claims < 30 {
		t.Errorf("there are %d claims", claims)
	}
}
