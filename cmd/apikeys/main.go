// Command apikeys is the whole service, with authorization server, management API and console, and all the commands for the
// people who run it.
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
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := newRootCommand().ExecuteContext(ctx); err != nil {
		_, _ = fmt.Fprintf(app.NewLines(os.Stderr), "apikeys: %v\n", err) // Lines does not wait for a reader that has stopped reading
		stop()
		os.Exit(exitCode(err)) //nolint:gocritic // stop has been called
	}
}

// exitCode returns 2 if the configuration or the command line is wrong, otherwise 1.
func exitCode(err error) int {
	var config *app.ConfigError
	var wrong usageError
	if errors.As(err, &config) || errors.As(err, &wrong) {
		return 2
	}
	return 1
}
