package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/piercloud/apikeys/pkg/apikey"
)

func write(t *testing.T, path string, content []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestScanPrintsWhereSecretsAreAndExitsWith1(t *testing.T) {
	folder := t.TempDir()
	one, two := apikey.NewSecret(), apikey.NewSecret()
	env := write(t, filepath.Join(folder, "app", ".env"), []byte("ID=ak_x\nSECRET="+one+"\n\nOTHER=\""+two+"\""))
	write(t, filepath.Join(folder, "clean.txt"), []byte("aks_"+strings.Repeat("0", 49)+" looks like one, but its checksum is wrong"))
	write(t, filepath.Join(folder, "empty"), nil)
	r := run(t, "", "scan", folder)
	r.failed(t, 1, "client secrets found: 2")
	want := fmt.Sprintf("%s:2: client secret ending in %s\n%s:4: client secret ending in %s\n", env, apikey.LastFour(one), env, apikey.LastFour(two))
	if r.stdout != want {
		t.Errorf("it prints\n%swant\n%s", r.stdout, want)
	}
	if strings.Contains(r.stdout+r.stderr+r.err.Error(), one) {
		t.Error("it prints the secret")
	}
	if r := run(t, "", "scan", filepath.Join(folder, "clean.txt"), filepath.Join(folder, "empty")).succeeded(t); r.stdout != "" {
		t.Errorf("without secrets it prints %q", r.stdout)
	}
}

func TestScanFollowsALinkThatItIsGiven(t *testing.T) {
	folder := t.TempDir()
	target := write(t, filepath.Join(folder, "target", "file"), []byte(apikey.NewSecret()))
	for _, to := range []string{target, filepath.Dir(target)} {
		link := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
		run(t, "", "scan", link).failed(t, 1, "client secrets found: 1")
	}
}

func TestScanGoesOnWhereSomethingCanNotBeRead(t *testing.T) {
	folder := t.TempDir()
	file := write(t, filepath.Join(folder, "z"), []byte(apikey.NewSecret()))
	absent := filepath.Join(folder, "absent")
	r := run(t, "", "scan", absent, file)
	r.failed(t, 1, "client secrets found: 1")
	if !strings.Contains(r.stderr, absent) {
		t.Errorf("it does not tell of what it can't read: %q", r.stderr)
	}
	run(t, "", "scan", absent).failed(t, 1, "can't be read")
}

func TestScanEndsWhenItIsAskedTo(t *testing.T) {
	folder := t.TempDir()
	content := append([]byte(apikey.NewSecret()), bytes.Repeat([]byte("\n"), 2<<20)...)
	big := write(t, filepath.Join(folder, "big"), append(content, apikey.NewSecret()...))
	ctx, cancel := context.WithCancel(t.Context())
	reports := 0
	err := scanFile(ctx, big, func(int, string) {
		reports++
		cancel()
	})
	if !errors.Is(err, context.Canceled) || reports != 1 {
		t.Errorf("in a file: %v after %d reports", err, reports)
	}
	for _, path := range []string{folder, big} {
		var stdout bytes.Buffer
		root := newRootCommand()
		root.SetOut(&stdout)
		root.SetArgs([]string{"scan", path, path})
		if err := root.ExecuteContext(ctx); !errors.Is(err, context.Canceled) || stdout.Len() > 0 {
			t.Errorf("%v, and it prints %q", err, stdout.String())
		}
	}
}

// found scans content and returns the line and the last four characters of each secret that is reported.
func found(t *testing.T, content []byte) []string {
	t.Helper()
	var reports []string
	err := scanFile(t.Context(), write(t, filepath.Join(t.TempDir(), "file"), content), func(line int, lastFour string) {
		reports = append(reports, fmt.Sprint(line, " ", lastFour))
	})
	if err != nil {
		t.Fatal(err)
	}
	return reports
}

func TestScanFindsSecretsAtEveryPlaceAroundTheEndOfAPiece(t *testing.T) {
	const piece = 1 << 20
	stride := piece - scanOverlap
	for _, line := range []string{"\n", "x"} { // short lines, and a single long one
		content := bytes.Repeat([]byte(line), 20*stride)
		var want []string
		for i := range 19 {
			secret := apikey.NewSecret()
			at := piece + i*stride - 72 + 4*i // from before the end of a piece to after it
			copy(content[at:], secret)
			want = append(want, fmt.Sprint(bytes.Count(content[:at], []byte("\n"))+1, " ", apikey.LastFour(secret)))
		}
		if got := found(t, content); !slices.Equal(got, want) {
			t.Errorf("found\n%v\nwant\n%v", got, want)
		}
	}
}

func TestScanFindsSecretsInBinaryFiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	content := make([]byte, 3<<20)
	for i := range content {
		content[i] = byte(random.Uint32())
	}
	secret := apikey.NewSecret()
	for _, at := range []int{0, 1 << 20, 2<<20 + 7, len(content) - len(secret)} {
		copy(content[at:], secret)
	}
	reports := found(t, content)
	if len(reports) != 4 || !strings.HasPrefix(reports[0], "1 ") {
		t.Errorf("found %v", reports)
	}
}

func TestScanFindsSecretsAmongOtherText(t *testing.T) {
	secret := apikey.NewSecret()
	last := apikey.LastFour(secret)
	tests := map[string]struct {
		content string
		want    []string
	}{
		"alone":                  {secret, []string{"1 " + last}},
		"in quotes":              {`"` + secret + `"`, []string{"1 " + last}},
		"in an address":          {"https://ak:" + secret + "@keys.example.com", []string{"1 " + last}},
		"in a form":              {"client_secret=" + secret + "&x=1", []string{"1 " + last}},
		"behind letters":         {"xyz" + secret, []string{"1 " + last}},
		"before letters":         {secret + "xyz", []string{"1 " + last}},
		"twice":                  {secret + "\n" + secret, []string{"1 " + last, "2 " + last}},
		"side by side":           {secret + secret, []string{"1 " + last, "1 " + last}},
		"behind a broken one":    {secret[:30] + secret, []string{"1 " + last}},
		"broken by a line break": {secret[:20] + "\n" + secret[20:], nil},
		"with a letter changed":  {secret[:20] + "_" + secret[21:], nil},
		"with Windows lines":     {"a\r\nb\r\n" + secret + "\r\n", []string{"3 " + last}},
	}
	for name, test := range tests {
		if got := found(t, []byte(test.content)); !slices.Equal(got, test.want) {
			t.Errorf("%s: found %v, want %v", name, got, test.want)
		}
	}
}

func BenchmarkScan(b *testing.B) {
	path := filepath.Join(b.TempDir(), "file")
	if err := os.WriteFile(path, bytes.Repeat([]byte("nothing to be found in this line\n"), 1<<20/8), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(33 << 20 / 8)
	for b.Loop() {
		if err := scanFile(b.Context(), path, func(int, string) { b.Error("found something") }); err != nil {
			b.Fatal(err)
		}
	}
}
