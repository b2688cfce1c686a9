package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
)

func newRotateMasterKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rotate-master-key",
		Short: "Encrypt everything under a new master key",
		Long: "Encrypt under APIKEYS_MASTER_KEY what is encrypted under APIKEYS_MASTER_KEY_PREVIOUS. Every replica must have both\n" +
			"keys before. On SQLite without APIKEYS_MASTER_KEY, a new key is made, and its file replaces the one beside the\n" +
			"database; stop the service first. The command may be interrupted and run again.",
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			config, err := loadConfig(c)
			if err != nil {
				return err
			}
			// A running service knows both configured keys. A key file it has read once, and does not read again, so it must be stopped.
			o := app.Options{Existing: true, Alone: config.MasterKey == ""}
			return migrateAndWith(c, config, o, func(ctx context.Context, a *app.App) error {
				done, err := a.RotateMasterKey(ctx, commandActor(c))
				if err != nil {
					return err
				}
				c.Printf("%d signing keys and %d idempotency answers encrypted under the new master key\n", done.SigningKeys, done.Answers)
				if config.MasterKey != "" && done == (app.Resealed{}) {
					c.Println("APIKEYS_MASTER_KEY decrypts everything already: either it is the new one and this was done before, or it is still the old one")
				}
				return nil
			})
		},
	}
}
