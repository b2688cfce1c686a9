package app

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/mattn/go-isatty"

	"github.com/piercloud/apikeys/pkg/apikey"
)

// redacted takes the place of a secret.
const redacted = "[redacted]"

// secretAttributes are the attributes whose values are never logged, no matter who logs them.
var secretAttributes = []string{
	"access_token", "authorization", "client_secret", "cookie", "master_key", "password", "secret", "set-cookie", "token",
}

// jwtPattern finds signed tokens in text.
var jwtPattern = regexp.MustCompile(`eyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]*\.[0-9A-Za-z_-]*`)

// basicPattern finds credentials of the Basic and Bearer schemes in text.
var basicPattern = regexp.MustCompile(`(?i)\b(basic|bearer) [0-9A-Za-z+/_.=-]{8,}`)

// NewLogger returns the service's logger. It writes JSON or text, whichever is configured; the default is text on a terminal and
// JSON elsewhere. Secrets, passwords, tokens and cookies are replaced wherever they appear, in messages and in errors too. This
// is the last line of defense, since no part of the service logs them to begin with. JSON to [Lines] is gathered, and [App.Close]
// writes the rest of it.
func NewLogger(c Config, to io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.logLevel(), ReplaceAttr: redact}
	text := c.LogFormat == "text" || c.LogFormat == "" && isTerminal(to)
	var handler slog.Handler = slog.NewJSONHandler(to, options)
	if text {
		handler = slog.NewTextHandler(to, options)
	}
	lines, ok := to.(*Lines)
	if !ok {
		return slog.New(handler)
	}
	log := slog.New(&lineHandler{Handler: handler, lines: lines, json: !text})
	lines.tell = func(dropped int64) {
		log.Warn("lines of the log were dropped because it could not be written", "lines", dropped)
	}
	return log
}

func isTerminal(w io.Writer) bool {
	if lines, ok := w.(*Lines); ok {
		w = lines.to
	}
	file, ok := w.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

func redact(_ []string, a slog.Attr) slog.Attr {
	if slices.Contains(secretAttributes, strings.ToLower(a.Key)) {
		return slog.String(a.Key, redacted)
	}
	switch a.Value.Kind() {
	case slog.KindString:
		if text := a.Value.String(); mayHoldSecret(text) {
			a.Value = slog.StringValue(redactText(text))
		}
	case slog.KindAny:
		switch value := a.Value.Any().(type) {
		case slog.Level: // every line has one, and it holds no secret
		case error:
			a.Value = slog.StringValue(redactText(value.Error()))
		default: // such as a header; it keeps its form unless it holds a secret
			text := fmt.Sprint(value)
			if safe := redactText(text); safe != text {
				a.Value = slog.StringValue(safe)
			}
		}
	default:
		// Numbers and times hold no secrets, and slog passes the members of a group one by one.
	}
	return a
}

// mayHoldSecret is a cheap test for what every match of a pattern contains. Hardly any value does, and the patterns would cost
// each line of the access log more than everything else in it.
func mayHoldSecret(text string) bool {
	return strings.Contains(text, "aks_") || strings.Contains(text, "eyJ") || strings.Contains(text, " ")
}

func redactText(text string) string {
	text = apikey.SecretPattern.ReplaceAllString(text, redacted)
	text = jwtPattern.ReplaceAllString(text, redacted)
	return basicPattern.ReplaceAllString(text, "$1 "+redacted)
}
