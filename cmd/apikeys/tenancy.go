package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
)

func newTenancyCommand() *cobra.Command {
	return newGroup("tenancy", "Manage customers",
		&cobra.Command{
			Use:   "create NAME",
			Short: "Register a customer and print its id",
			Args:  usage(cobra.ExactArgs(1)),
			RunE: func(c *cobra.Command, args []string) error {
				return withAppOrNew(c, func(ctx context.Context, a *app.App) error {
					t, err := a.Operators.CreateTenancy(ctx, args[0], commandActor(c))
					if err != nil {
						return explainInput(err)
					}
					c.Println(t.ID)
					return nil
				})
			},
		},
		&cobra.Command{
			Use:   "list",
			Short: "List the customers",
			Args:  usage(cobra.NoArgs),
			RunE: func(c *cobra.Command, _ []string) error {
				return withApp(c, func(ctx context.Context, a *app.App) error {
					tenancies, err := a.Operators.Tenancies(ctx)
					for _, t := range tenancies {
						c.Printf("%s  %s\n", t.ID, t.Name)
					}
					return err
				})
			},
		},
	)
}
