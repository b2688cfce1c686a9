package api

import (
	"regexp"

	"github.com/piercloud/apikeys/pkg/apikey"
)

// tokenPattern finds what may be a JWT: three parts of base64url, the first of which is a JSON object.
var tokenPattern = regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`)

const redacted = "[redacted]"

// redact blanks client secrets and tokens in a text that goes to the log. No text that is logged should hold any: this is
// for error messages of libraries, which may quote what they choked on.
func redact(text string) string {
	return tokenPattern.ReplaceAllString(apikey.SecretPattern.ReplaceAllString(text, redacted), redacted)
}
