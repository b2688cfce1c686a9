package main

import (
	"log/slog"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func newServeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Bring the database up to date, then serve the API and the console",
		Args:  usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			signal.Ignore(syscall.SIGPIPE) // a log whose reader has gone is no reason to stop
			a, err := openApp(c)
			if err != nil {
				return err
			}
			slog.SetDefault(a.Logger())
			return closeAfter(a, a.Run(c.Context()))
		},
	}
}

func newMigrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date",
		Args:  usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			a, err := openApp(c)
			if err != nil {
				return err
			}
			return closeAfter(a, a.Store.Migrate(c.Context()))
		},
	}
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  usage(cobra.NoArgs),
		Run:   func(c *cobra.Command, _ []string) { c.Println("apikeys " + version) },
	}
}

// usage marks the errors of check as errors of the command line.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, arguments []string) error {
		if err := check(c, arguments); err != nil {
			return usageError{err}
		}
		return nil
	}
}
