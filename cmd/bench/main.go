// Command bench measures the service against bare handlers, which do the least that the same job needs, in the same run and with
// the same load generator. The service is the real binary, in a process of its own on a throwaway PostgreSQL. The command prints
// a table and writes docs/benchmarks.md. It is not part of what is shipped.
//
//	bench -binary bin/apikeys            everything
//	bench -binary bin/apikeys -only ...  some yardsticks; the document keeps the results of the others
//
// A yardstick is a file here and a line in the list below. The sides that it compares take turns in short portions, so that
// whatever else the machine does affects both alike. The result is the ratio of the medians over all rounds.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// yardsticks is everything that is measured, in the order of the document.
var yardsticks = []yardstick{
	{"token", "Tokens per second", measureTokens},
	{"verify", "Asking whether a token counts", measureVerification},
	{"latency", "How long a token takes", measureLatency},
	{"cold", "The first token of a key", measureCold},
	{"statements", "What a token costs the database", measureStatements},
	{"revocation", "Revocation while the load runs", measureRevocation},
	{"list", "Lists of very many keys", measureLists},
	{"changes", "Changes", measureChanges},
	{"start", "Starting and idling", measureStart},
	{"console", "The console in a browser", measureConsole},
	{"profile", "Where the time goes", measureProfile},
}

// yardstick is one question and how it is answered.
type yardstick struct {
	name    string
	title   string // of its section
	measure func(context.Context, *bench) (section, error)
}

// options are those of the command line.
type options struct {
	binary  string
	only    string
	rounds  int
	portion time.Duration
	keys    int
	results string
	output  string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

// run executes the command. If the first argument is the name of a role, this is a process that takes part in a measurement.
func run(ctx context.Context, arguments []string) error {
	if len(arguments) > 0 {
		if role, ok := roles[arguments[0]]; ok {
			return role(ctx)
		}
	}
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.binary, "binary", "bin/apikeys", "the service's binary")
	flags.StringVar(&o.only, "only", "", "names of yardsticks, separated by commas; default: all")
	flags.IntVar(&o.rounds, "rounds", 7, "how often each takes its turn")
	flags.DurationVar(&o.portion, "portion", 3*time.Second, "how long each turn is measured")
	flags.IntVar(&o.keys, "keys", 1000, "how many API keys spend themselves")
	flags.StringVar(&o.results, "results", "docs/benchmarks.json", "the figures, for later runs of some yardsticks")
	flags.StringVar(&o.output, "output", "docs/benchmarks.md", "the document; empty for none")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	chosen, err := choose(o.only)
	if err != nil {
		return err
	}
	b, err := newBench(o)
	if err != nil {
		return err
	}
	defer b.close()
	return b.measure(ctx, chosen)
}

// choose returns the yardsticks that a list names.
func choose(list string) ([]yardstick, error) {
	if list == "" {
		return yardsticks, nil
	}
	var chosen []yardstick
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(yardsticks, func(y yardstick) bool { return y.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no yardstick called %q", name)
		}
		chosen = append(chosen, yardsticks[i])
	}
	return chosen, nil
}

// measure runs yardsticks and reports their results. If one fails, the others are still reported.
func (b *bench) measure(ctx context.Context, chosen []yardstick) error {
	report, err := readReport(b.results)
	if err != nil {
		return err
	}
	var failures []error
	for _, y := range chosen {
		if ctx.Err() != nil {
			break
		}
		fmt.Printf("\n%s\n", y.title)
		started := time.Now()
		s, err := y.measure(ctx, b)
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", y.name, err))
			fmt.Printf("  failed: %v\n", err)
			continue
		}
		s.Name, s.Title, s.Machine, s.Commit, s.Measured = y.name, y.title, machine(), b.commit, started.UTC().Truncate(time.Minute)
		s.print(os.Stdout)
		report.put(s)
	}
	if b.output != "" {
		failures = append(failures, report.write(b.options))
	}
	return errors.Join(failures...)
}
