package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"math/big"
	"regexp"
	"strings"
)

// The form of client IDs and client secrets. Both consist of letters, digits and underscores only, so that they survive Basic
// authentication, forms, shells and URLs.
const (
	clientIDPrefix = "ak_"
	clientIDRandom = 22 // characters of base62 for 128 random bits

	secretPrefix   = "aks_"
	secretRandom   = 43 // characters of base62 for 256 random bits
	secretChecksum = 6  // characters of base62 for a CRC-32
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// SecretPattern finds possible client secrets in a text; [IsSecret] decides by the checksum.
var SecretPattern = regexp.MustCompile(`aks_[0-9A-Za-z]{49}`)

// NewClientID returns a client ID with 128 random bits.
func NewClientID() string { return clientIDPrefix + randomBase62(16, clientIDRandom) }

// NewSecret returns a client secret with 256 random bits and a checksum by which scanners distinguish it from other text.
func NewSecret() string {
	random := randomBase62(32, secretRandom)
	return secretPrefix + random + checksum(random)
}

// IsSecret reports, offline, whether text has the form and the checksum of a client secret.
func IsSecret(text string) bool {
	if len(text) != len(secretPrefix)+secretRandom+secretChecksum || !SecretPattern.MatchString(text) {
		return false
	}
	body := text[len(secretPrefix):]
	return checksum(body[:secretRandom]) == body[secretRandom:]
}

// isClientID reports whether text has the form of a client ID; no client has an ID of another form.
func isClientID(text string) bool {
	random, ok := strings.CutPrefix(text, clientIDPrefix)
	return ok && len(random) == clientIDRandom && strings.Trim(random, base62) == ""
}

// digestSecret returns what is stored about a secret. One SHA-256 is enough for 256 random bits: a slower hash protects secrets
// that can be guessed.
func digestSecret(secret string) [sha256.Size]byte {
	var room [64]byte // on the stack, large enough for a secret
	return sha256.Sum256(append(room[:0], secret...))
}

// LastFour returns the last four characters of a secret, by which people tell secrets apart: they can compare them with the end
// of the secret that they have.
func LastFour(secret string) string { return secret[len(secret)-4:] }

func checksum(random string) string {
	return encodeBase62(big.NewInt(int64(crc32.ChecksumIEEE([]byte(random)))), secretChecksum)
}

func randomBase62(bytes, width int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return encodeBase62(new(big.Int).SetBytes(b), width)
}

// encodeBase62 writes n with exactly width digits; n must fit.
func encodeBase62(n *big.Int, width int) string {
	digits := make([]byte, width)
	radix, digit := big.NewInt(int64(len(base62))), new(big.Int)
	for i := width - 1; i >= 0; i-- {
		n.DivMod(n, radix, digit)
		digits[i] = base62[digit.Int64()]
	}
	if n.Sign() != 0 {
		panic(fmt.Sprintf("a number does not fit %d base62 digits", width))
	}
	return string(digits)
}
