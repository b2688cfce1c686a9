package main

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

func newVerifyLogCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify-log",
		Short: "Check that the event log is whole and unaltered",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return withApp(c, func(ctx context.Context, a *app.App) error {
				head, err := eventlog.Verify(ctx, a.Store, eventlog.EmptyHead())
				if err != nil {
					return fmt.Errorf("the event log does not verify: %w", err)
				}
				c.Printf("%d events verified; the last one's hash is %s\n", head.Seq, hex.EncodeToString(head.Hash))
				return nil
			})
		},
	}
}
