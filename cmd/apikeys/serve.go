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
		Short: "Bring the database up to date, then serve API and console",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			signal.Ignore(syscall.SIGPIPE) // a log whose reader is gone is no reason to end
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
		Args:  noArguments,
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
		Args:  noArguments,
		Run:   func(c *cobra.Command, _ []string) { c.Println("apikeys " + version) },
	}
}

// noArguments refuses arguments as a wrong command line.
func noArguments(c *cobra.Command, arguments []string) error {
	if err := cobra.NoArgs(c, arguments); err != nil {
		return usageError{err}
	}
	return nil
}

// oneArgument asks for exactly one argument.
func oneArgument(c *cobra.Command, given []string) error {
	if err := cobra.ExactArgs(1)(c, given); err != nil {
		return usageError{err}
	}
	return nil
}
