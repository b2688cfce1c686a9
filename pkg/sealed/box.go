// Package sealed owns encryption at rest: what must be readable again, such as the private half of a signing key, is sealed with
// the master key before it goes into a database. What need not be readable is hashed instead, elsewhere.
package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// KeySize is the size of a master key in bytes.
const KeySize = 32

// ErrWrongKey means that the data was sealed with another master key, bound to something else, or altered.
var ErrWrongKey = errors.New("sealed data can't be opened: wrong master key, or the data was altered")

// Box seals with AES-256-GCM and one master key, and opens what was sealed with that key or one of a few others. It is safe for
// concurrent use.
type Box struct {
	keys  [][]byte // the master key first, then the others; kept for [Box.For]
	aeads []cipher.AEAD
}

// NewBox returns a box that seals with a master key of [KeySize] bytes, and also opens what was sealed with others: while the
// master key is being replaced, there are two.
func NewBox(masterKey []byte, others ...[]byte) (*Box, error) {
	b := &Box{keys: append([][]byte{masterKey}, others...)}
	for _, key := range b.keys {
		aead, err := newAEAD(key)
		if err != nil {
			return nil, err
		}
		b.aeads = append(b.aeads, aead)
	}
	return b, nil
}

func newAEAD(masterKey []byte) (cipher.AEAD, error) {
	if len(masterKey) != KeySize {
		return nil, fmt.Errorf("the master key has %d bytes, not %d", len(masterKey), KeySize)
	}
	block, err := aes.NewCipher(masterKey)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// For returns a separate box for a purpose, with keys derived from those of this box (HKDF, RFC 5869). It is for what strangers
// can cause to be sealed any number of times.
func (b *Box) For(purpose string) (*Box, error) {
	keys := make([][]byte, len(b.keys))
	for i, key := range b.keys {
		var err error
		if keys[i], err = hkdf.Key(sha256.New, key, nil, purpose, KeySize); err != nil {
			return nil, fmt.Errorf("derive a key: %w", err)
		}
	}
	return NewBox(keys[0], keys[1:]...)
}

// Seal encrypts plain and binds it to binding, which is not part of the result and must be given again to open it. The result
// begins with a random nonce; up to 2³² seals with one master key are safe.
func (b *Box) Seal(plain, binding []byte) []byte {
	return b.aeads[0].Seal(nil, nil, plain, binding) //nolint:gosec // the AEAD itself makes the nonce, at random
}

// Open returns what was sealed. Errors: [ErrWrongKey].
func (b *Box) Open(box, binding []byte) ([]byte, error) {
	plain, _, err := b.open(box, binding)
	return plain, err
}

// open also reports whether the data was sealed with the master key rather than one of the others.
func (b *Box) open(box, binding []byte) (plain []byte, current bool, err error) {
	for i, aead := range b.aeads {
		if plain, err = aead.Open(nil, nil, box, binding); err == nil {
			return plain, i == 0, nil
		}
	}
	return nil, false, ErrWrongKey
}

// Reseal returns data that was sealed with another key, sealed with the master key; nil if it is sealed with that already.
// Errors: [ErrWrongKey].
func (b *Box) Reseal(box, binding []byte) ([]byte, error) {
	plain, current, err := b.open(box, binding)
	if err != nil || current {
		return nil, err
	}
	return b.Seal(plain, binding), nil
}

// ParseMasterKey decodes a master key from standard base64, ignoring surrounding white space.
func ParseMasterKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("must be %d bytes in base64", KeySize)
	}
	return key, nil
}

// NewMasterKey returns a random master key in base64.
func NewMasterKey() string {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	return base64.StdEncoding.EncodeToString(key)
}
