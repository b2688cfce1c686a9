package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/pkg/audit"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

// checkpointMax bounds how much is read as a checkpoint, in bytes.
const checkpointMax = 64 << 10

func newVerifyLogCommand() *cobra.Command {
	var checkpoint string
	command := &cobra.Command{
		Use:   "verify-log",
		Short: "Check that the event log is whole and unaltered",
		Long: "Check that the event log is whole and unaltered, from where it begins to its end. With a checkpoint that was\n" +
			"kept elsewhere, this also detects a log that was cut off at its end, or rewritten as a whole.",
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return withApp(c, func(ctx context.Context, a *app.App) error {
				if checkpoint == "" {
					report, err := a.Audit.Verify(ctx)
					return tellReport(c, report, err)
				}
				signed, err := readCheckpoint(c, checkpoint)
				if err != nil {
					return err
				}
				report, kept, err := a.Audit.VerifyAgainst(ctx, signed)
				if errors.Is(err, audit.ErrNotSigned) {
					return fmt.Errorf("the checkpoint can't be trusted: %w", err)
				}
				if err := tellReport(c, report, err); err != nil {
					return err
				}
				c.Printf("event %d is the one that the checkpoint of %s names\n", kept.Seq, kept.IssuedAt.Format(time.RFC3339))
				return nil
			})
		},
	}
	command.Flags().StringVar(&checkpoint, "checkpoint", "", "file with a checkpoint, - for standard input")
	return command
}

// tellReport prints what was verified, or returns what is wrong.
func tellReport(c *cobra.Command, r audit.Report, err error) error {
	if err == nil && r.Broken != nil {
		err = r.Broken
	}
	if err != nil {
		return fmt.Errorf("the event log does not verify: %w", err)
	}
	if r.Base.Seq > 0 {
		c.Printf("the log begins after event %d; earlier events were pruned on %s\n", r.Base.Seq, r.Base.PrunedAt.Format(time.RFC3339))
	}
	c.Printf("%d events verified; the last one's hash is %s\n", r.Events(), hex.EncodeToString(r.Head.Hash))
	return nil
}

func readCheckpoint(c *cobra.Command, name string) (string, error) {
	from := c.InOrStdin()
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return "", fmt.Errorf("read the checkpoint: %w", err)
		}
		defer func() { _ = file.Close() }() // it was only read
		from = file
	}
	text, err := readUntilDone(c.Context(), func() (string, error) {
		all, err := io.ReadAll(io.LimitReader(from, checkpointMax))
		return string(all), err
	})
	if err != nil {
		return "", fmt.Errorf("read the checkpoint: %w", err)
	}
	return text, nil
}

func newCheckpointCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "checkpoint",
		Short: "Print the position of the event log, signed",
		Long: "Print the position of the event log, signed with the service's signing key. Keep it where nobody who can alter\n" +
			"the database can alter it, and give it to verify-log.",
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return withApp(c, func(ctx context.Context, a *app.App) error {
				if err := a.Keyring.Load(ctx, commandActor(c)); err != nil {
					return fmt.Errorf("load the signing keys: %w", err)
				}
				signed, err := a.Audit.Checkpoint(ctx)
				if err != nil {
					return err
				}
				c.Println(signed)
				return nil
			})
		},
	}
}

func newPruneLogCommand() *cobra.Command {
	var keep string
	command := &cobra.Command{
		Use:   "prune-log --keep DAYSd",
		Short: "Remove old events from the event log",
		Long: "Remove the events that are older than --keep from the event log, after verifying it. Where the log begins from then\n" +
			"on is signed and kept with it, and recorded as an event. Events must be kept for at least 2 days.",
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			age, err := parseDays(keep)
			if err != nil {
				return usageError{err}
			}
			return withApp(c, func(ctx context.Context, a *app.App) error {
				if err := a.Keyring.Load(ctx, commandActor(c)); err != nil {
					return fmt.Errorf("load the signing keys: %w", err)
				}
				pruned, err := a.Audit.Prune(ctx, age, commandActor(c))
				if errors.Is(err, eventlog.ErrBroken) {
					return fmt.Errorf("nothing was pruned, because the event log does not verify: %w", err)
				}
				if err != nil {
					return err
				}
				c.Printf("%d events pruned; the log begins after event %d\n", pruned.Events, pruned.Base.Seq)
				return nil
			})
		},
	}
	command.Flags().StringVar(&keep, "keep", "", "age in days, such as 400d, of the oldest events to keep (required)")
	return command
}

// parseDays reads a number of days, at least 2, such as 400d.
func parseDays(text string) (time.Duration, error) {
	const day = 24 * time.Hour
	match := regexp.MustCompile(`^([0-9]{1,5})d$`).FindStringSubmatch(text)
	if match == nil {
		return 0, errors.New("--keep must be a number of days, such as 400d")
	}
	days, err := strconv.Atoi(match[1])
	if err != nil || time.Duration(days)*day < audit.KeepAtLeast {
		return 0, errors.New("--keep must be at least 2d")
	}
	return time.Duration(days) * day, nil
}
