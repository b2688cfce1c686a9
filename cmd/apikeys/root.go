package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

// usageError is an error in the command line.
type usageError struct{ error }

// newRootCommand returns the root command with all its subcommands.
func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "apikeys",
		Short:         "Give your customers' programs access to your API",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE:          needsCommand,
	}
	root.SetOut(os.Stdout) // cobra prints to standard error by default
	var out *results
	root.PersistentPreRun = func(c *cobra.Command, _ []string) {
		out = &results{Writer: c.OutOrStdout()}
		c.SetOut(out)
	}
	root.PersistentPostRunE = func(*cobra.Command, []string) error { return out.err }
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	for _, v := range app.Variables() {
		help := "overrides " + v.Name
		name := flagName(v.Name)
		if v.Secret {
			name, help = name+"-file", help+"_FILE"
		}
		if v.Default != "" {
			help += fmt.Sprintf(" (default %s)", v.Default)
		}
		root.PersistentFlags().String(name, "", help)
	}
	root.AddCommand(
		newServeCommand(), newMigrateCommand(), newOperatorCommand(), newTenancyCommand(), newSigningKeyCommand(),
		newRotateMasterKeyCommand(), newDoctorCommand(), newMigrateDataCommand(), newBackupCommand(), newRestoreCommand(), newCheckpointCommand(), newVerifyLogCommand(), newPruneLogCommand(), newScanCommand(), newVersionCommand(),
	)
	return root
}

// results is what a command prints to. It remembers that something could not be written, which cobra's printing does not report:
// a checkpoint or a password that is missing must not look like success.
type results struct {
	io.Writer
	err error
}

// Write implements io.Writer.
func (r *results) Write(text []byte) (int, error) {
	n, err := r.Writer.Write(text)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("the command's output can't be written: %w", err)
	}
	return n, err
}

// needsCommand runs a group that was called without one of its commands: it shows the group's help, or refuses a command that
// does not exist.
func needsCommand(c *cobra.Command, arguments []string) error {
	if len(arguments) > 0 {
		return usageError{fmt.Errorf("unknown command %q for %q", arguments[0], c.CommandPath())}
	}
	return c.Help()
}

// newGroup returns a command that only has subcommands.
func newGroup(use, short string, commands ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: needsCommand}
	group.AddCommand(commands...)
	return group
}

// flagName returns the flag of a variable, such as listen for APIKEYS_LISTEN.
func flagName(variable string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(variable, app.Prefix), "_", "-"))
}

// loadConfig reads the configuration from the environment, overridden by the flags that are given.
func loadConfig(c *cobra.Command) (app.Config, error) {
	environment := map[string]string{}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		environment[name] = value
	}
	for _, v := range app.Variables() {
		flag, variable := flagName(v.Name), v.Name
		if v.Secret {
			flag, variable = flag+"-file", variable+"_FILE"
			if c.Flags().Changed(flag) {
				delete(environment, v.Name)
			}
		}
		if c.Flags().Changed(flag) {
			environment[variable] = c.Flag(flag).Value.String()
		}
	}
	return app.LoadConfig(environment)
}

// openApp builds the service for a command. The caller closes it.
func openApp(c *cobra.Command) (*app.App, error) {
	config, err := loadConfig(c)
	if err != nil {
		return nil, err
	}
	return openAppWith(c, config, app.Options{})
}

func openAppWith(c *cobra.Command, config app.Config, o app.Options) (*app.App, error) {
	// The root's output, not the command's: what an app announces while it serves is not the result of a command.
	o.Output, o.Logger = c.Root().OutOrStdout(), app.NewLogger(config, app.NewLines(c.ErrOrStderr()))
	return app.New(config, o)
}

// withApp runs a command's work on an existing database, and brings its schema up to date before. It never creates a database: a
// command that is run in the wrong folder would back up nothing, or verify a log without events.
func withApp(c *cobra.Command, work func(context.Context, *app.App) error) error {
	return migrateAnd(c, app.Options{Existing: true}, work)
}

// withAppOrNew is [withApp] for work that may also start on a new database.
func withAppOrNew(c *cobra.Command, work func(context.Context, *app.App) error) error {
	return migrateAnd(c, app.Options{}, work)
}

func migrateAnd(c *cobra.Command, o app.Options, work func(context.Context, *app.App) error) error {
	config, err := loadConfig(c)
	if err != nil {
		return err
	}
	return migrateAndWith(c, config, o, work)
}

func migrateAndWith(c *cobra.Command, config app.Config, o app.Options, work func(context.Context, *app.App) error) error {
	a, err := openAppWith(c, config, o)
	if err != nil {
		return err
	}
	err = a.Migrate(c.Context())
	if err == nil && o.Alone {
		err = a.Store.Ping(c.Context()) // locks the database for an instant, and so finds out whether somebody else uses it
	}
	if o.Alone && errors.Is(err, apikey.ErrUnavailable) {
		err = fmt.Errorf("%w: %w", app.ErrInUse, err)
	}
	if err != nil {
		return closeAfter(a, err)
	}
	return closeAfter(a, work(c.Context(), a))
}

// closeAfter closes the app and returns the first error.
func closeAfter(a *app.App, err error) error {
	if closeErr := a.Close(); err == nil {
		return closeErr
	}
	return err
}

// commandActor returns the actor whom the log names for what a command changes.
func commandActor(c *cobra.Command) eventlog.Actor {
	return eventlog.Actor{Kind: eventlog.ActorSystem, ID: c.CommandPath(), Name: c.CommandPath()}
}
