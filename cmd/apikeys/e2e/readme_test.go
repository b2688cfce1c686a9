package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
)

// repository is the path to the top folder from here.
const repository = "../../.."

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// testedBlock is a block of shell commands that is marked as being run by this test.
var testedBlock = regexp.MustCompile("(?s)<!-- tested -->\n```sh\n(.*?)\n```\n")

func TestReadmeWalkThroughWorksWhenPasted(t *testing.T) {
	t.Parallel()
	e := onSQLite(t)
	delete(e, "APIKEYS_OPERATOR_PASSWORD")
	s := start(t, e)
	generated := printedPassword.FindStringSubmatch(s.stdout.String())
	if generated == nil {
		t.Fatal("the first start printed no password")
	}

	text := readme(t)
	blocks := testedBlock.FindAllStringSubmatch(text, -1)
	if marks := strings.Count(text, "<!-- tested -->"); len(blocks) == 0 || marks != len(blocks) {
		t.Fatalf("%d marks and %d blocks of shell commands behind them", marks, len(blocks))
	}
	script := "set -eu -o pipefail\n"
	for _, block := range blocks {
		script += block[1] + "\n"
	}

	// README uses the default address. curl is told to connect to this service instead, so that README's lines stay as they are.
	home, settings := t.TempDir(), t.TempDir()
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	redirect := fmt.Sprintf("connect-to = \"localhost:8080:127.0.0.1:%s\"\n", port)
	if err := os.WriteFile(filepath.Join(settings, ".curlrc"), []byte(redirect), 0o600); err != nil {
		t.Fatal(err)
	}
	shell := exec.CommandContext(t.Context(), "bash", "-c", script)
	shell.Dir = t.TempDir()
	shell.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "CURL_HOME=" + settings, "PASSWORD=" + generated[1]}
	var messages strings.Builder
	shell.Stderr = &messages
	output, err := shell.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, output, messages.String())
	}

	var answers []map[string]any
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var answer map[string]any
		if err := decoder.Decode(&answer); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, output)
		}
		answers = append(answers, answer)
	}
	want := []string{"operator", "client_secret", "data", "access_token", "keys", "status"}
	if len(answers) != len(want) {
		t.Fatalf("%d answers, not %d:\n%s", len(answers), len(want), output)
	}
	for i, member := range want {
		if _, ok := answers[i][member]; !ok {
			t.Errorf("answer %d has no %s: %v", i+1, member, answers[i])
		}
	}
	if answers[5]["status"] != "inactive" {
		t.Errorf("the key is not stopped: %v", answers[5])
	}
	left, err := os.ReadDir(home)
	if err != nil || len(left) != 0 {
		t.Errorf("%v, %v was left in the home folder", err, left)
	}
}

func TestReadmeListsEveryVariableWithItsDefault(t *testing.T) {
	t.Parallel()
	listed := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(APIKEYS_[A-Z_]+)`( \\(secret\\))? \\| (.*?) \\|.*\\|$").FindAllStringSubmatch(readme(t), -1) {
		listed[row[1]+row[2]] = row[3]
	}
	for _, v := range app.Variables() {
		name := v.Name
		if v.Secret {
			name += " (secret)"
		}
		cell, ok := listed[name]
		if !ok {
			t.Errorf("%s is not listed", name)
		}
		if v.Default != "" && !strings.HasPrefix(cell, "`"+v.Default+"`") {
			t.Errorf("the default of %s is %q, the README says %q", v.Name, v.Default, cell)
		}
		delete(listed, name)
	}
	for name := range listed {
		t.Errorf("%s is listed and does not exist", name)
	}
}

func TestReadmeListsEveryCommand(t *testing.T) {
	t.Parallel()
	text := readme(t)
	for _, group := range []string{"", "operator", "tenancy", "signing-key"} {
		r := run(t, nil, append(strings.Fields(group), "--help")...)
		if r.code != 0 {
			t.Fatalf("%s --help: %+v", group, r)
		}
		_, commands, _ := strings.Cut(r.stdout, "Available Commands:\n")
		commands, _, _ = strings.Cut(commands, "\n\n")
		for line := range strings.Lines(commands) {
			name := strings.Fields(line)[0]
			if name == "help" || name == "completion" {
				continue // cobra's own
			}
			row := regexp.MustCompile("(?m)^\\| .*`(apikeys )?" + strings.TrimSpace(group+" ") + ".*\\b" + name + "\\b.*` \\|")
			if !row.MatchString(text) {
				t.Errorf("%q is not listed", strings.TrimSpace(group+" "+name))
			}
		}
	}
}

func TestReadmeMapsEveryPackage(t *testing.T) {
	t.Parallel()
	text := readme(t)
	for _, listed := range regexp.MustCompile(`(?m)^    ([a-z/.-]+)  +\S`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join(repository, listed[1])); err != nil {
			t.Errorf("README lists %s: %v", listed[1], err)
		}
	}
	for _, folder := range []string{"cmd", "pkg"} {
		packages, err := filepath.Glob(filepath.Join(repository, folder, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range packages {
			if name := folder + "/" + filepath.Base(path) + "/"; !strings.Contains(text, "\n    "+name+" ") {
				t.Errorf("README does not list %s", name)
			}
		}
	}
}
