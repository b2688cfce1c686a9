package resourceserver

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestOnlyKeysForES256SignaturesAreTaken: other keys in a set must not verify a token, whatever their kid, but don't make the whole
// set unusable.
func TestOnlyKeysForES256SignaturesAreTaken(t *testing.T) {
	// The base points of the curves.
	const p256 = `"kty":"EC","crv":"P-256","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"`
	const p384 = `"kty":"EC","crv":"P-384","x":"qofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3","y":"NhfeSpYmLG9dnpi_kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f"`
	const good = `{` + p256 + `,"kid":"good","alg":"ES256","use":"sig"}`
	for name, other := range map[string]string{
		"for encryption":   `{` + p256 + `,"kid":"other","alg":"ES256","use":"enc"}`,
		"of another alg":   `{` + p256 + `,"kid":"other","alg":"ECDH-ES"}`,
		"of another curve": `{` + p384 + `,"kid":"other"}`,
		"off the curve":    `{` + strings.Replace(p256, "axfR", "bxfR", 1) + `,"kid":"other"}`,
		"without a kid":    `{` + p256 + `}`,
		"symmetric":        `{"kty":"oct","k":"c2VjcmV0","kid":"other"}`,
	} {
		keys, err := parseKeys([]byte(`{"keys":[` + other + `,` + good + `]}`))
		if got := slices.Collect(maps.Keys(keys)); err != nil || !slices.Equal(got, []string{"good"}) {
			t.Errorf("beside a key %s: got %v, %v", name, got, err)
		}
		if keys, err := parseKeys([]byte(`{"keys":[` + other + `]}`)); err == nil {
			t.Errorf("a set of a key %s alone: got %v", name, keys)
		}
	}
	if keys, err := parseKeys([]byte(`{"keys":[{` + p256 + `,"kid":"bare"}]}`)); err != nil || keys["bare"] == nil {
		t.Errorf("a key that says neither alg nor use: %v", err)
	}
}
