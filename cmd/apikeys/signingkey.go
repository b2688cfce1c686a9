package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/pkg/signing"
)

func newSigningKeyCommand() *cobra.Command {
	var now bool
	rotate := &cobra.Command{
		Use:   "rotate",
		Short: "Make a new signing key",
		Long: "Make a new signing key. It is published at once, and signs from an hour later, when every verifier has seen it.\n" +
			"The previous one stays published until its last token has expired. Running services notice by themselves.",
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return withApp(c, func(ctx context.Context, a *app.App) error {
				lead := signing.PublishLead
				if now {
					lead = signing.SpreadLead
				}
				return a.Keyring.Rotate(ctx, lead, commandActor(c))
			})
		},
	}
	rotate.Flags().BoolVar(&now, "now", false, "sign with it as soon as all replicas publish it; verifiers must fetch the key set again")
	list := &cobra.Command{
		Use:   "list",
		Short: "List the signing keys",
		Long: "List the signing keys and the state of each: it signs, waits for its turn, is retiring (published until the last token\n" +
			"that it signed has expired), is retired, or was revoked, by name or by a restore.",
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return withApp(c, func(ctx context.Context, a *app.App) error {
				records, err := a.Store.SigningKeys(ctx)
				states := signing.States(records, time.Now())
				for i, r := range records {
					retires := "-"
					if !r.RetireAt.IsZero() {
						retires = r.RetireAt.Format(time.RFC3339)
					}
					c.Printf("%s  %-8s  %s  signs from %s  published until %s\n", r.KID, states[i], r.Algorithm, r.NotBefore.Format(time.RFC3339), retires)
				}
				return err
			})
		},
	}
	return newGroup("signing-key", "Manage the keys that sign access tokens", rotate, newRevokeSigningKeyCommand(), list)
}

func newRevokeSigningKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke KID",
		Short: "Invalidate every token that a signing key has signed",
		Long: "Invalidate every token that a signing key has signed, because somebody else may have its private half. Running\n" +
			"services and the resource servers that follow them notice within a second. From then on another key signs.",
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			return withApp(c, func(ctx context.Context, a *app.App) error {
				return a.Keyring.Revoke(ctx, args[0], commandActor(c))
			})
		},
	}
}
