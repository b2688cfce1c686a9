package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
)

func newBackupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a consistent copy of the SQLite database",
		Long: "Write a consistent copy of the SQLite database to a new file, while the service is running. The copy does not contain\n" +
			"the master key: keep that elsewhere. With PostgreSQL, use pg_dump.",
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			return withApp(c, func(ctx context.Context, a *app.App) error { return a.Store.Backup(ctx, args[0]) })
		},
	}
}

func newRestoreCommand() *cobra.Command {
	var force bool
	command := &cobra.Command{
		Use:   "restore [FILE]",
		Short: "Put a database from a backup into service",
		Long: "Put a database from a backup into service. Stop every replica first. With SQLite, FILE is copied to where the\n" +
			"database belongs. With PostgreSQL, run pg_restore first, and then this command without FILE; it refuses to run while\n" +
			"replicas are connected.\n\n" +
			"The backup does not know what was revoked or issued after it was made. Therefore all tokens, operators' sessions and\n" +
			"one-time links end, and resource servers start over. Keys that were deactivated, deleted or rotated after the backup\n" +
			"are as they were before: repeat these changes.",
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			alone := app.Options{Existing: true, Alone: true} // no running service may see this or disturb it
			work := func(ctx context.Context, a *app.App) error { return restore(ctx, c, a) }
			if len(args) == 0 {
				return migrateAnd(c, alone, func(ctx context.Context, a *app.App) error {
					if !force {
						if err := refuseOthers(ctx, a); err != nil {
							return err
						}
					}
					return work(ctx, a)
				})
			}
			config, err := loadConfig(c)
			if err != nil {
				return err
			}
			return config.PlaceBackup(c.Context(), args[0], func(draft app.Config) error {
				return migrateAndWith(c, draft, alone, work)
			})
		},
	}
	command.Flags().BoolVar(&force, "force", false, "even if PostgreSQL has connections that look like a replica's; a pooler keeps such connections")
	return command
}

// refuseOthers returns an error while replicas are connected to the database.
func refuseOthers(ctx context.Context, a *app.App) error {
	others, err := a.Store.Others(ctx)
	if err == nil && others > 0 {
		return fmt.Errorf("the database is in use, with %d connections; stop every replica first, or add --force if a pooler keeps them", others)
	}
	return err
}

// restore ends everything that was issued, and prints up to when the database knows what happened.
func restore(ctx context.Context, c *cobra.Command, a *app.App) error {
	report, err := a.Audit.Verify(ctx)
	if err := tellReport(c, report, err); err != nil {
		return err
	}
	last, err := a.Store.After(ctx, report.Head.Seq-1, 1)
	if err != nil {
		return err
	}
	if err := a.Restore(ctx, commandActor(c)); err != nil {
		return err
	}
	c.Println("all tokens, sessions and one-time links have ended")
	if len(last) > 0 {
		c.Printf("the last change in the backup is from %s; whatever was deactivated, deleted or rotated later must be done again\n",
			last[0].At.Format("2006-01-02 15:04:05 MST"))
	}
	return nil
}
