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

// redacted stands where a secret was.
const redacted = "[redacted]"

// secretAttributes are attributes whose values are never logged, whoever logs them.
var secretAttributes = []string{
	"access_token", "authorization", "client_secret", "cookie", "master_key", "password", "secret", "set-cookie", "token",
}

// jwtPattern finds signed tokens in text.
var jwtPattern = regexp.MustCompile(`eyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]*\.[0-9A-Za-z_-]*`)

// basicPattern finds credentials of the Basic and Bearer schemes in text.
var basicPattern = regexp.MustCompile(`(?i)\b(basic|bearer) [0-9A-Za-z+/_.=-]{8,}`)

// NewLogger returns the service's logger: JSON, or text on a terminal unless the format is configured. Secrets, passwords,
// tokens and cookies are replaced wherever they appear, in messages and in errors too: the last line of defence, since no
// part of the service logs them to begin with. JSON to [Lines] is gathered; [App.Close] writes the rest of it.
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
		log.Warn("lines of the log were dropped: it could not be written to", "lines", dropped)
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
		case slog.Level: // on every line
		case error:
			a.Value = slog.StringValue(redactText(value.Error()))
		default: // such as a header: in its own form unless it holds a secret
			text := fmt.Sprint(value)
			if safe := redactText(text); safe != text {
				a.Value = slog.StringValue(safe)
			}
		}
	default:
		// Numbers and times hold no secret, and the members of a group come here one by one.
	}
	return a
}

// mayHoldSecret is a cheap look for what every pattern has in it. Nearly no text has, and the patterns would cost each
// line of the access log more than everything else in it.
func mayHoldSecret(text string) bool {
	return strings.Contains(text, "aks_") || strings.Contains(text, "eyJ") || strings.Contains(text, " ")
}

func redactText(text string) string {
	text = apikey.SecretPattern.ReplaceAllString(text, redacted)
	text = jwtPattern.ReplaceAllString(text, redacted)
	return basicPattern.ReplaceAllString(text, "$1 "+redacted)
}
