package api

import (
	"compress/gzip"
	"slices"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

// compressed are the operations whose answers are compressed for who accepts that: long lists of what repeats itself. The
// console's page is, too. What holds a secret is never compressed, nor is anything else that is not named here: the length of a
// compressed answer tells somebody who listens, and who has a say in a part of it, about the rest (BREACH).
var compressed = []string{"listApiKeys", "listEvents", "listUsage"}

// compressMin is the size of an answer, in bytes, from which on it is compressed. Less fits into a packet or two as it is.
const compressMin = 2048

// compressing compresses answers with gzip.
var compressing = middleware.GzipWithConfig(middleware.GzipConfig{
	Skipper:   func(c echo.Context) bool { return weight(c.Request(), echo.HeaderAcceptEncoding, "gzip") == 0 },
	Level:     gzip.BestSpeed,
	MinLength: compressMin,
})

// compress returns what the answers of an operation go through, which may be nothing.
func compress(operationID string) []echo.MiddlewareFunc {
	if !slices.Contains(compressed, operationID) {
		return nil
	}
	return []echo.MiddlewareFunc{compressing}
}
