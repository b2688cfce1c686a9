package apikey_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/piercloud/apikeys/pkg/apikey"
)

func TestNamesAreTheSameWhateverTheirCaseAndComposition(t *testing.T) {
	same := [][2]string{
		{"Acme", "ACME"},
		{"Previsão", "PREVISÃO"},
		{"Previsão", norm.NFD.String("previsão")},
		{"Straße", "STRASSE"},
		{"Straße", "straẞe"},
		{"Σίσυφος", "ΣΊΣΥΦΟΣ"},
		{"ﬁnance", "FINANCE"},
		{"İstanbul", "i\u0307stanbul"},
		{"Привет", "ПРИВЕТ"},
		{"\u13a0\u13f0", "\uab70\u13f8"}, // Cherokee
		{"\u1e9b\u0323", "\u1e9b\u0323"},
		{"a\u0323\u0307", "a\u0307\u0323"}, // two combining marks in either order
	}
	for _, pair := range same {
		if a, b := apikey.UniqueForm(pair[0]), apikey.UniqueForm(pair[1]); a != b {
			t.Errorf("%q and %q differ as %q and %q", pair[0], pair[1], a, b)
		}
	}
	different := [][2]string{
		{"Acme", "Acme 2"},
		{"Previsão", "Previsao"},
		{"ılık", "ilik"}, // the dotless i is a letter of its own
		{"e\u0301", "e\u0300"},
		{"مرحبا", "مرحب"},
		{"a b", "ab"},
		{"a%", "a_"},
	}
	for _, pair := range different {
		if a, b := apikey.UniqueForm(pair[0]), apikey.UniqueForm(pair[1]); a == b {
			t.Errorf("%q and %q are the same, %q", pair[0], pair[1], a)
		}
	}
}

func TestUniqueFormIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "name")
		form := apikey.UniqueForm(name)
		if again := apikey.UniqueForm(form); again != form {
			t.Fatalf("%q becomes %q and then %q", name, form, again)
		}
		for _, other := range []string{norm.NFD.String(name), norm.NFC.String(name)} {
			if got := apikey.UniqueForm(other); got != form {
				t.Fatalf("%q becomes %q, and %q, which is the same text, %q", name, form, other, got)
			}
		}
	})
}

func TestSearchFormDropsAccentsAndCase(t *testing.T) {
	tests := map[string]string{
		"Previsão":             "previsao",
		"PREVISÃO":             "previsao",
		"previsa\u0303o":       "previsao",
		"Grupos orçamentários": "grupos orcamentarios",
		"Straße":               "strasse",
		"İstanbul":             "istanbul",
		"ılık":                 "ılık",
		"ÀÉÎÕÜ":                "aeiou",
		"Việt Nam":             "viet nam",
		"שָׁלוֹם":              "שלום",
		"مَرْحَبًا":            "مرحبا",
		"ﬁnance":               "finance",
		"№ ５":                  "no 5",
		"日本語":                  "日本語",
		"한국어":                  "한국어",
		"a%b_c\\d":             "a%b_c\\d",
		"  spaced  ":           "spaced",
		"":                     "",
	}
	for text, want := range tests {
		if got := apikey.SearchForm(text); got != want {
			t.Errorf("%q is searched as %q, want %q", text, got, want)
		}
	}
}

func TestSearchFormAcceptsAnyBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.Byte()).Draw(t, "text"))
		if form := apikey.SearchForm(text); !utf8.ValidString(form) {
			t.Fatalf("%q is searched as %q", text, form)
		}
	})
}

func TestPartsOfANameFindIt(t *testing.T) {
	letters := rapid.StringOf(rapid.RuneFrom([]rune("aAçÇãÃéÉßİıœ ñÑüÜ1%_-")))
	rapid.Check(t, func(t *rapid.T) {
		name := []rune(letters.Draw(t, "name"))
		from := rapid.IntRange(0, len(name)).Draw(t, "from")
		to := rapid.IntRange(from, len(name)).Draw(t, "to")
		part := string(name[from:to])
		for _, typed := range []string{part, strings.ToUpper(strings.ReplaceAll(part, "ı", "")), norm.NFD.String(part)} {
			if strings.Contains(part, "ı") && typed != part && typed != norm.NFD.String(part) {
				continue // the capital of ı is I, whose lower case is another letter
			}
			if !strings.Contains(apikey.SearchForm(string(name)), apikey.SearchForm(typed)) {
				t.Fatalf("%q does not find %q: %q is not in %q", typed, string(name), apikey.SearchForm(typed), apikey.SearchForm(string(name)))
			}
		}
	})
}
