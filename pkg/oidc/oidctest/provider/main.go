// Command provider serves the test provider to programs that are not written in Go, such as a browser in the console's end-to-end
// tests. The person to sign in as is chosen on its sign-in page.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/piercloud/apikeys/pkg/oidc/oidctest"
)

// people are the persons who can sign in.
var people = []oidctest.Person{
	{Subject: "eva", Claims: map[string]any{"email": "eva@example.com", "email_verified": true, "groups": []string{"keys-editors"}}},
	{Subject: "rui", Claims: map[string]any{"email": "rui@example.com", "email_verified": true, "groups": []string{"sales"}}},
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves the provider on a free port, whose URL is the first line written, until interrupted.
func run() error {
	var client oidctest.Client
	flag.StringVar(&client.ID, "client-id", "", "of the relying party")
	flag.StringVar(&client.Secret, "client-secret", "", "of the relying party")
	flag.StringVar(&client.RedirectURL, "redirect-url", "", "of the relying party")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	url := "http://" + listener.Addr().String()
	p, err := oidctest.New(url, client)
	if err != nil {
		return err
	}
	p.Offer(people...)
	if _, err := fmt.Fprintln(os.Stdout, url); err != nil {
		return err
	}
	server := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
