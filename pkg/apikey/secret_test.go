package apikey_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/piercloud/apikeys/pkg/apikey"
)

func TestClientIDIsPrefixAnd22Base62Characters(t *testing.T) {
	form := regexp.MustCompile(`^ak_[0-9A-Za-z]{22}$`)
	seen := map[string]bool{}
	for range 1000 {
		id := apikey.NewClientID()
		if !form.MatchString(id) || seen[id] {
			t.Fatalf("a client id is %q, seen before: %v", id, seen[id])
		}
		seen[id] = true
	}
}

func TestSecretIsPrefixRandomPartAndChecksum(t *testing.T) {
	form := regexp.MustCompile(`^aks_[0-9A-Za-z]{49}$`)
	seen := map[string]bool{}
	for range 1000 {
		secret := apikey.NewSecret()
		if !form.MatchString(secret) || !apikey.IsSecret(secret) || seen[secret] {
			t.Fatalf("a secret is %q, recognised: %v, seen before: %v", secret, apikey.IsSecret(secret), seen[secret])
		}
		if url.QueryEscape(secret) != secret {
			t.Fatalf("%q does not survive a form", secret)
		}
		if last := apikey.LastFour(secret); !strings.HasSuffix(secret, last) || len(last) != 4 {
			t.Fatalf("the last four of %q are %q", secret, last)
		}
		seen[secret] = true
	}
}

// TestSecretsUseTheirWholeRange fails if the random part has less entropy than its length suggests, or if some digits never occur.
func TestSecretsUseTheirWholeRange(t *testing.T) {
	const secrets = 2000
	digits := map[rune]int{}
	first := map[byte]bool{}
	for range secrets {
		random := apikey.NewSecret()[4:47]
		first[random[0]] = true
		for _, r := range random {
			digits[r]++
		}
	}
	// 2^256 is 60.7 · 62^42: the first digit is never the last one of base62, and all others are about equally likely.
	if len(first) < 60 {
		t.Errorf("%d different first digits, want 61", len(first))
	}
	if len(digits) != 62 {
		t.Errorf("%d different digits, want 62", len(digits))
	}
	mean := secrets * 43 / 62
	for r, n := range digits {
		if n < mean*8/10 || n > mean*12/10 {
			t.Errorf("the digit %c occurs %d times, the mean is %d", r, n, mean)
		}
	}
}

func TestIsSecretRefusesEveryChangeOfOneCharacter(t *testing.T) {
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_- é"
	secret := apikey.NewSecret()
	for i := range secret {
		for _, r := range letters {
			if changed := secret[:i] + string(r) + secret[i+1:]; changed != secret && apikey.IsSecret(changed) {
				t.Fatalf("%q is accepted, which is %q with one character changed", changed, secret)
			}
		}
	}
}

func TestIsSecretRefusesWhatIsLongerShorterOrSwapped(t *testing.T) {
	secret := apikey.NewSecret()
	for n := range secret {
		if apikey.IsSecret(secret[:n]) || apikey.IsSecret(secret[n+1:]) {
			t.Errorf("a part of a secret is accepted, cut at %d", n)
		}
	}
	for _, text := range []string{"", secret + "0", " " + secret, secret + "\n", strings.ToUpper(secret), "ak_" + secret[4:], secret[:4] + secret[5:] + secret[4:5] + "0"} {
		if apikey.IsSecret(text) {
			t.Errorf("%q is accepted", text)
		}
	}
	for i := 4; i < 46; i++ {
		swapped := []byte(secret)
		swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
		if string(swapped) != secret && apikey.IsSecret(string(swapped)) {
			t.Errorf("two swapped characters at %d are not noticed", i)
		}
	}
}

func TestSecretPatternFindsSecretsInText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := apikey.NewSecret()
		before := rapid.String().Draw(t, "before")
		after := rapid.SampledFrom([]string{"", " ", "\"", "&grant_type=client_credentials", "\n", "_x", "é"}).Draw(t, "after")
		found := apikey.SecretPattern.FindAllString(before+secret+after, -1)
		if len(found) == 0 || found[len(found)-1] != secret {
			t.Fatalf("found %q", found)
		}
	})
}
