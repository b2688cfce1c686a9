package apikey

import (
	"strings"
	"testing"
)

// FuzzIsSecret: a text that is accepted as a secret has the length of one and is found by the pattern for scanners.
func FuzzIsSecret(f *testing.F) {
	f.Add(NewSecret())
	f.Add("")
	f.Add("aks_")
	f.Add("aks_" + strings.Repeat("0", 49))
	f.Fuzz(func(t *testing.T, text string) {
		if IsSecret(text) && (len(text) != 53 || SecretPattern.FindString(text) != text) {
			t.Errorf("%q is accepted", text)
		}
	})
}
