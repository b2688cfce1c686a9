package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
)

func newDoctorCommand() *cobra.Command {
	var format string
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Check the configuration and say what is wrong",
		Long:  "Check the configuration and everything that it names, and say what is wrong and what to do about it. Nothing is changed. The exit code is 1 if there is a problem.",
		Args:  usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return usageError{errors.New("--format must be text or json")}
			}
			config, failure := loadConfig(c)
			findings := app.Diagnose(c.Context(), config, failure)
			problems := 0
			for _, f := range findings {
				if f.Verdict == app.Problem {
					problems++
				}
				if format == "text" {
					c.Println(line(f))
				}
			}
			if format == "json" {
				text, err := json.MarshalIndent(findings, "", "  ")
				if err != nil {
					return err
				}
				c.Println(string(text))
			}
			if problems > 0 {
				return fmt.Errorf("%d of %d checks found a problem", problems, len(findings))
			}
			return nil
		},
	}
	command.Flags().StringVar(&format, "format", "text", "text or json")
	return command
}

// line returns a finding as text for people.
func line(f app.Finding) string {
	text := fmt.Sprintf("%-8s %s: %s", f.Verdict, f.Check, f.Detail)
	if f.Remedy != "" {
		text += "\n         → " + f.Remedy
	}
	return text
}
