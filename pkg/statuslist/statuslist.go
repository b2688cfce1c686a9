// Package statuslist owns the Token Status Lists (draft-ietf-oauth-status-list): signed, compressed lists of bits by which
// verifiers that know that standard, and nothing of this service, learn which tokens were revoked.
//
// Each generation of a key has an index of its own, which is never given to another one and stands in its tokens. A token
// counts as long as its generation is the key's present one; so of the indexes that were given out, those that are no key's
// present one are revoked. The list is made from the keys alone and needs no record of what ended.
//
// An index is for a generation, not for a token: a list does not tell of single tokens that were revoked by their ids.
package statuslist

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
)

// Size is how many indexes a list has: what it takes is bounded by that, 8 KiB before and at most 15 KiB after it has been
// compressed and signed, however many generations there have been.
const Size = 1 << 16

// bits is how many a status takes: valid or not.
const bits = 1

// Store tells which indexes there are. Implementations are safe for concurrent use. Any method may fail with an error that is
// apikey.ErrUnavailable.
type Store interface {
	// StatusIndexes returns which of count indexes from first on are present ones, as of one moment.
	StatusIndexes(ctx context.Context, first, count int64) (Indexes, error)
}

// Indexes is what a store knows of them at one moment.
type Indexes struct {
	Given int64   // the highest that was given out
	Held  []int64 // those of the generations that keys have now
}

// Path is where the lists are served below the issuer, each at its number below that.
const Path = "/oauth2/status-lists"

// uri is the address of a list. It is also its subject, so that one can't stand in for another.
func uri(issuer string, number int64) string {
	return issuer + Path + "/" + strconv.FormatInt(number, 10)
}

// encode returns a list that begins with the index first, as it is embedded.
func encode(first int64, have Indexes) (string, error) { return compress(mark(first, Size, have)) }

// mark returns a bit for each of size indexes from first on, the least significant one of a byte first, set for those that
// were given out and are held no more (draft-ietf-oauth-status-list §4.1, §7.1).
func mark(first, size int64, have Indexes) []byte {
	list := make([]byte, size*bits/8)
	for i := max(first, 1); i < first+size && i <= have.Given; i++ {
		list[(i-first)/8] |= 1 << ((i - first) % 8)
	}
	for _, i := range have.Held {
		list[(i-first)/8] &^= 1 << ((i - first) % 8)
	}
	return list
}

// compress returns a list in the form in which it is embedded in JSON (draft-ietf-oauth-status-list §4.2).
func compress(list []byte) (string, error) {
	var compressed bytes.Buffer
	w, err := zlib.NewWriterLevel(&compressed, zlib.BestCompression)
	if err != nil {
		return "", fmt.Errorf("compress a status list: %w", err)
	}
	if _, err := w.Write(list); err != nil {
		return "", fmt.Errorf("compress a status list: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("compress a status list: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(compressed.Bytes()), nil
}
