package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/piercloud/apikeys/pkg/apikey"
)

// errSecretsFound makes the command fail, which is meant for pipelines.
var errSecretsFound = errors.New("client secrets found")

// scanOverlap is how many bytes at the end of a piece are read again with the next one, so that a secret across the boundary is
// found.
const scanOverlap = 64

func newScanCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "scan PATH...",
		Short: "Find client secrets of this service in files and folders",
		Long: "Find client secrets of this service in files and folders, offline, by their form and checksum. Each is printed as\n" +
			"file:line with its last four characters. The exit code is 1 if there are any, or if something can't be read.",
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, paths []string) error {
			s := scan{Command: c}
			for _, path := range paths {
				if err := s.tree(path); err != nil {
					return err
				}
			}
			switch {
			case s.found > 0:
				return fmt.Errorf("%w: %d", errSecretsFound, s.found)
			case s.unreadable > 0:
				return fmt.Errorf("%d files or folders can't be read", s.unreadable)
			}
			return nil
		},
	}
}

// scan is one run of the command.
type scan struct {
	*cobra.Command
	found, unreadable int
}

// tree searches a file, or a folder with everything in it except links. It reports what can't be read, and searches the rest. If
// the command's context ends, it returns the reason.
func (s *scan) tree(root string) error {
	ctx := s.Context()
	resolved, err := filepath.EvalSymlinks(root)
	if err != nil {
		s.failed(err)
		return nil
	}
	return filepath.WalkDir(resolved, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			err = scanFile(ctx, path, func(line int, lastFour string) {
				s.found++
				s.Printf("%s:%d: client secret ending in %s\n", path, line, lastFour)
			})
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			s.failed(err)
		}
		return nil
	})
}

func (s *scan) failed(err error) {
	s.unreadable++
	s.PrintErrf("apikeys: %v\n", err)
}

// scanFile calls report for each secret in a file, whatever the file's size and the length of its lines, until ctx ends.
func scanFile(ctx context.Context, path string, report func(line int, lastFour string)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	reader := bufio.NewReaderSize(file, 1<<20)
	line := 1
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		piece, err := reader.Peek(reader.Size())
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return err
		}
		// All but the overlap is finished with this piece; a secret that starts in the overlap belongs to the next one.
		finished := len(piece)
		if !last {
			finished -= scanOverlap
		}
		at := 0
		for _, match := range apikey.SecretPattern.FindAllIndex(piece, -1) {
			text := string(piece[match[0]:match[1]])
			if match[0] >= finished || !apikey.IsSecret(text) {
				continue
			}
			line += bytes.Count(piece[at:match[0]], []byte{'\n'})
			at = match[0]
			report(line, apikey.LastFour(text))
		}
		line += bytes.Count(piece[at:finished], []byte{'\n'})
		if _, err := reader.Discard(finished); err != nil || last {
			return err
		}
	}
}
