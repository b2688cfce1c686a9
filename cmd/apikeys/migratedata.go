package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
)

func newMigrateDataCommand() *cobra.Command {
	var from string
	command := &cobra.Command{
		Use:   "migrate-data --from sqlite://FILE",
		Short: "Move everything from SQLite to PostgreSQL",
		Long: "Move everything from the SQLite database in FILE to APIKEYS_DATABASE_URL on PostgreSQL, which must be empty. Stop the\n" +
			"service first. APIKEYS_MASTER_KEY must be the master key of the SQLite database; if none was configured, it is in a\n" +
			"file beside the database. Either everything is moved or nothing. The SQLite database keeps its data; remove it later.",
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if !strings.HasPrefix(from, "sqlite://") {
				return usageError{errors.New("--from must be sqlite:// followed by the path of a database")}
			}
			config, err := loadConfig(c)
			if err != nil {
				return err
			}
			if !strings.HasPrefix(config.DatabaseURL, "postgres") {
				return &app.ConfigError{Variable: app.Prefix + "DATABASE_URL", Problem: "must be the PostgreSQL database to move to"}
			}
			return migrateAndWith(c, config, app.Options{}, func(ctx context.Context, a *app.App) error { return migrateData(ctx, c, a, from) })
		},
	}
	command.Flags().StringVar(&from, "from", "", "the SQLite database to move (required)")
	return command
}

func migrateData(ctx context.Context, c *cobra.Command, a *app.App, from string) error {
	done, err := a.MigrateData(ctx, from, func(table string, rows int64) { c.PrintErrf("%s: %d\n", table, rows) })
	for _, m := range done.Tables {
		c.Printf("%10d  %s\n", m.Rows, m.Table)
	}
	switch {
	case err == nil:
		return tellReport(c, done.Log, nil)
	case len(done.Tables) > 0:
		return fmt.Errorf("everything has been moved, but not verified to the end; run apikeys verify-log: %w", err)
	}
	return err
}
