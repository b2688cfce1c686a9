package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
)

func newOperatorCommand() *cobra.Command {
	return newGroup("operator", "Manage the operators of the console", newOperatorCreateCommand(), newOperatorResetPasswordCommand(), newOperatorDeleteCommand())
}

func newOperatorCreateCommand() *cobra.Command {
	var role, tenancy string
	command := &cobra.Command{
		Use:   "create EMAIL",
		Short: "Register an operator",
		Long:  "Register an operator. The password is read from the terminal, or from standard input if that is not a terminal.\nIf it is empty, a password is generated and printed.",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			return withAppOrNew(c, func(ctx context.Context, a *app.App) error {
				tenancy, err := chooseTenancy(ctx, a, tenancy, commandActor(c))
				if err != nil {
					return err
				}
				password, generated, err := readPassword(c)
				if err != nil {
					return err
				}
				o, err := a.Operators.Create(ctx, tenancy, args[0], password, operator.Role(role), commandActor(c))
				if err != nil {
					return explainInput(err)
				}
				c.Printf("%s is registered as %s.\n", o.Email, o.Role)
				tellPassword(c, generated)
				return nil
			})
		},
	}
	command.Flags().StringVar(&role, "role", string(operator.Admin), "admin, editor or readonly")
	command.Flags().StringVar(&tenancy, "tenancy", "", "id of the tenancy (default: the first one)")
	return command
}

func newOperatorResetPasswordCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reset-password EMAIL",
		Short: "Set an operator's password and end their sessions",
		Long:  "Set an operator's password and end their sessions. The password is read as by apikeys operator create.",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			return withApp(c, func(ctx context.Context, a *app.App) error {
				password, generated, err := readPassword(c)
				if err != nil {
					return err
				}
				if err := a.Operators.ResetPassword(ctx, args[0], password, commandActor(c)); err != nil {
					return explainInput(err)
				}
				c.Printf("The password of %s is set.\n", args[0])
				tellPassword(c, generated)
				return nil
			})
		},
	}
}

func newOperatorDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "delete EMAIL",
		Short: "Remove an operator of any tenancy, and free the e-mail address",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			return withApp(c, func(ctx context.Context, a *app.App) error {
				if err := a.Operators.DeleteByEmail(ctx, args[0], commandActor(c)); err != nil {
					return err
				}
				c.Printf("%s is removed.\n", args[0])
				return nil
			})
		},
	}
}

// chooseTenancy returns the given id, which must be that of a tenancy. If none was given, it returns the id of the first tenancy,
// which it creates if there is none.
func chooseTenancy(ctx context.Context, a *app.App, given string, actor eventlog.Actor) (string, error) {
	if given != "" {
		t, err := a.Operators.Tenancy(ctx, given)
		if errors.Is(err, operator.ErrNotFound) {
			return "", fmt.Errorf("there is no tenancy %q; apikeys tenancy list shows the existing ones", given)
		}
		return t.ID, err
	}
	first, err := a.Operators.EnsureTenancy(ctx, actor)
	return first.ID, err
}

// readPassword asks for a password at a terminal, without echo, or reads one line of standard input. If it is empty, it generates
// a password.
func readPassword(c *cobra.Command) (password, generated string, err error) {
	read := func() (string, error) {
		line, err := bufio.NewReader(c.InOrStdin()).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return strings.TrimRight(line, "\r\n"), err
	}
	if file, ok := c.InOrStdin().(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		terminal := int(file.Fd())
		before, err := term.GetState(terminal)
		if err != nil {
			return "", "", fmt.Errorf("prompt for the password: %w", err)
		}
		c.PrintErr("Password (empty to generate one): ")
		defer func() {
			_ = term.Restore(terminal, before) // still to be done if reading was interrupted
			c.PrintErrln()
		}()
		read = func() (string, error) {
			typed, err := term.ReadPassword(terminal)
			return string(typed), err
		}
	}
	if password, err = readUntilDone(c.Context(), read); err != nil {
		return "", "", fmt.Errorf("read the password: %w", err)
	}
	if password == "" {
		generated = operator.NewPassword()
		return generated, generated, nil
	}
	return password, "", nil
}

// readUntilDone returns what read returns. Since reading itself can't be interrupted, it returns the reason why ctx has ended if
// that comes first.
func readUntilDone(ctx context.Context, read func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := read()
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func tellPassword(c *cobra.Command, generated string) {
	if generated != "" {
		c.Printf("Password: %s\nIt is shown only this once.\n", generated)
	}
}

// explainInput marks an invalid input as an error of the command line.
func explainInput(err error) error {
	if _, ok := errors.AsType[*operator.InvalidError](err); ok {
		return usageError{err}
	}
	return err
}
