// Package statuslist owns the Token Status Lists (draft-ietf-oauth-status-list): signed, compressed lists of bits from which
// verifiers that know that standard, and nothing about this service, learn which tokens were revoked.
//
// Each generation of a key has its own index, which is contained in its tokens and never assigned again. A token is valid as long
// as its generation is the key's current one; so an assigned index is revoked if it is not the current one of any key. The list
// is made from the keys alone and needs no record of what ended.
//
// An index belongs to a generation, not to a token: a list does not include single tokens that were revoked by their IDs.
package statuslist

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
)

// Size is how many indexes a list has. It bounds the size of a list, however many generations there have been: 8 KiB
// uncompressed, and at most 15 KiB compressed and signed.
const Size = 1 << 16

// bits is how many bits a status takes: a token is valid or not.
const bits = 1

// Store says which indexes exist. Implementations are safe for concurrent use. Any method may fail with an error that is
// apikey.ErrUnavailable.
type Store interface {
	// StatusIndexes returns which of count indexes, starting at first, are current ones, as of one moment.
	StatusIndexes(ctx context.Context, first, count int64) (Indexes, error)
}

// Indexes is what a store knows about indexes at one moment.
type Indexes struct {
	Given int64   // the highest that was assigned
	Held  []int64 // those of the current generations of keys
}

// Path is the path below the issuer at which the lists are served, each under its number.
const Path = "/oauth2/status-lists"

// uri returns the address of a list. It is also the list's subject, so that no list can stand in for another.
func uri(issuer string, number int64) string {
	return issuer + Path + "/" + strconv.FormatInt(number, 10)
}

// encode returns the list that begins at index first, in the form in which it is embedded.
func encode(first int64, have Indexes) (string, error) { return compress(mark(first, Size, have)) }

// mark returns a bit for each of size indexes starting at first, beginning with the least significant bit of each byte. A bit is
// set if its index was assigned and is no longer held (draft-ietf-oauth-status-list §4.1, §7.1).
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
