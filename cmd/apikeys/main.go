// Command apikeys is the whole service: the authorization server, the management API and the console, and the commands of
// the people who run it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
)

// version is set by the build.
var version = "dev"

func main() {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	defer stop()
	context.AfterFunc(ctx, stop) // who asks twice does not want to wait
	if err := newRootCommand().ExecuteContext(ctx); err != nil {
		_, _ = fmt.Fprintf(app.NewLines(os.Stderr), "apikeys: %v\n", err) // which waits for no reader that stands still
		stop()
		os.Exit(exitCode(err)) //nolint:gocritic // stop has been called
	}
}

// exitCode is 2 when the configuration or the command line is wrong, else 1.
func exitCode(err error) int {
	var config *app.ConfigError
	var wrong usageError
	if errors.As(err, &config) || errors.As(err, &wrong) {
		return 2
	}
	return 1
}
