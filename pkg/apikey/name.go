package apikey

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// UniqueForm returns the form in which names are compared for equality: Unicode normalisation form C, case folded.
func UniqueForm(name string) string {
	return norm.NFC.String(foldCase(norm.NFC.String(name)))
}

// foldCase makes letters equal that differ only in case. ToLower comes last because the library's folding swaps the two cases of
// Cherokee, which Unicode folds to upper case.
func foldCase(text string) string { return strings.ToLower(cases.Fold().String(text)) }

// SearchForm returns the form in which names are searched and sorted: case folded and without accents, so that "previsao"
// finds "Previsão".
func SearchForm(text string) string {
	bare, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), text)
	if err != nil { // these transformers accept any string, even invalid UTF-8
		bare = text
	}
	return strings.TrimSpace(foldCase(bare))
}
