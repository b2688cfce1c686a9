package api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/piercloud/apikeys/pkg/apikey"
)

// entityTag returns the ETag of a key's version.
func entityTag(k apikey.Key) string { return `"` + strconv.FormatInt(k.Version, 10) + `"` }

// parseIfMatch returns the precondition of an If-Match header (RFC 9110 §13.1.1). There is none if the header is absent or "*",
// since what does not exist is answered with 404 anyway. A weak tag never matches, because the comparison is the strong one
// (§8.8.3.2). Nothing malformed matches either, so that a precondition that was not understood never lets a change through.
func parseIfMatch(header *string) apikey.Match {
	if header == nil || strings.TrimSpace(*header) == "*" {
		return nil
	}
	match := apikey.Match{}
	for rest := strings.TrimLeft(*header, listSpace); rest != ""; rest = strings.TrimLeft(rest, listSpace) {
		tag, weak := strings.CutPrefix(rest, "W/")
		opaque, after, ok := cutTag(tag)
		if !ok {
			return apikey.Match{}
		}
		version, err := strconv.ParseInt(opaque, 10, 64)
		if err == nil && !weak && strconv.FormatInt(version, 10) == opaque {
			match = append(match, version)
		}
		rest = after
	}
	return match
}

// listSpace is what may stand between the members of a list (RFC 9110 §5.6.1).
const listSpace = " \t,"

// cutTag splits a quoted entity tag off the beginning of a list.
func cutTag(list string) (opaque, rest string, ok bool) {
	list, ok = strings.CutPrefix(list, `"`)
	if !ok {
		return "", "", false
	}
	opaque, rest, ok = strings.Cut(list, `"`)
	if !ok {
		return "", "", false
	}
	rest = strings.TrimLeft(rest, " \t")
	return opaque, rest, rest == "" || rest[0] == ','
}

// matchesTag reports whether the caller already has what a tag stands for. If-None-Match uses weak comparison (RFC 9110 §13.1.2).
func matchesTag(r *http.Request, tag string) bool {
	for known := range strings.SplitSeq(strings.Join(r.Header.Values("If-None-Match"), ","), ",") {
		if known = strings.TrimSpace(known); known == "*" || strings.TrimPrefix(known, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}
