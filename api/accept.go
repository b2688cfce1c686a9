package api

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// weight returns how much the caller wants a media type or content coding that it names in Accept or Accept-Encoding, from 0 to 1
// (RFC 9110 §12.4.2); 0 when it doesn't name it, as wildcards name nothing. A weight that is no number is none.
func weight(r *http.Request, header, name string) float64 {
	for member := range strings.SplitSeq(strings.Join(r.Header.Values(header), ","), ",") {
		named, parameters, err := mime.ParseMediaType(member) // which a coding is, too, by its form
		if err != nil || named != name {
			continue
		}
		text, ok := parameters["q"]
		if !ok {
			return 1
		}
		q, _ := strconv.ParseFloat(text, 64) // 0 with an error
		return q
	}
	return 0
}
