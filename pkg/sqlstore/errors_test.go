package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/piercloud/apikeys/pkg/apikey"
)

func TestOutcomeTellsTroubleFromMistakes(t *testing.T) {
	t.Parallel()
	server := func(code string) error { return fmt.Errorf("doing: %w", &pgconn.PgError{Code: code}) }
	tests := map[string]struct {
		err         error
		unavailable bool
	}{
		"connection failure":        {server("08006"), true},
		"too many connections":      {server("53300"), true},
		"disk full":                 {server("53100"), true},
		"shutting down":             {server("57P01"), true},
		"crashed":                   {server("57P02"), true},
		"starting up":               {server("57P03"), true},
		"cancelled":                 {server("57014"), true},
		"deadlock":                  {server("40P01"), true},
		"lock not available":        {server("55P03"), true},
		"became a standby":          {server("25006"), true},
		"I/O error":                 {server("58030"), true},
		"unique":                    {server("23505"), false},
		"syntax":                    {server("42601"), false},
		"undefined table":           {server("42P01"), false},
		"invalid encoding":          {server("22021"), false},
		"end of the connection":     {fmt.Errorf("reading: %w", io.ErrUnexpectedEOF), true},
		"bad connection":            {driver.ErrBadConn, true},
		"closed connection":         {pgconn.ErrConnClosed, true},
		"the store's own timeout":   {context.DeadlineExceeded, true},
		"no such key":               {apikey.ErrNotFound, false},
		"the caller's own deadline": {callerError{context.DeadlineExceeded}, false},
		"the caller's own":          {callerError{io.EOF}, false},
	}
	for name, test := range tests {
		got := outcome(t.Context(), test.err)
		if errors.Is(got, apikey.ErrUnavailable) != test.unavailable {
			t.Errorf("%s: got %v, want unavailable: %t", name, got, test.unavailable)
		}
		if test.unavailable && !errors.Is(got, test.err) {
			t.Errorf("%s: %v hides its cause", name, got)
		}
	}
	if err := outcome(t.Context(), nil); err != nil {
		t.Error(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := outcome(cancelled, server("57014")); err != context.Canceled { //nolint:errorlint // exactly this
		t.Errorf("got %v, want context.Canceled", err)
	}
	if err := outcome(cancelled, apikey.ErrNotFound); !errors.Is(err, apikey.ErrNotFound) {
		t.Errorf("got %v, want what was found out before the caller left", err)
	}
}
