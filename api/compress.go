package api

import (
	"compress/gzip"
	"slices"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

// compressed are the operations whose answers are compressed for callers that accept it: long lists that repeat themselves. The
// console's page is compressed as well. Nothing else is, and an answer that holds a secret must never be: the length of a
// compressed answer gives the secret away to an eavesdropper who can influence another part of that answer (BREACH).
var compressed = []string{"listApiKeys", "listEvents", "listUsage"}

// compressMin is the size of an answer, in bytes, from which it is compressed. A smaller one fits into a packet or two anyway.
const compressMin = 2048

// compressing compresses answers with gzip.
var compressing = middleware.GzipWithConfig(middleware.GzipConfig{
	Skipper:   func(c echo.Context) bool { return weight(c.Request(), echo.HeaderAcceptEncoding, "gzip") == 0 },
	Level:     gzip.BestSpeed,
	MinLength: compressMin,
})

// compress returns the middleware that compresses the answers of an operation, or none.
func compress(operationID string) []echo.MiddlewareFunc {
	if !slices.Contains(compressed, operationID) {
		return nil
	}
	return []echo.MiddlewareFunc{compressing}
}
