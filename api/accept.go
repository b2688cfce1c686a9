package api

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// weight returns the caller's quality value, from 0 to 1, for a media type or content coding in the given Accept or
// Accept-Encoding header (RFC 9110 §12.4.2). It is 0 when the header does not list name itself, since wildcards don't count, and
// when q is not a number.
func weight(r *http.Request, header, name string) float64 {
	for member := range strings.SplitSeq(strings.Join(r.Header.Values(header), ","), ",") {
		named, parameters, err := mime.ParseMediaType(member) // content codings have the same syntax
		if err != nil || named != name {
			continue
		}
		text, ok := parameters["q"]
		if !ok {
			return 1
		}
		q, _ := strconv.ParseFloat(text, 64) // 0 on an error
		return q
	}
	return 0
}
