package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/piercloud/apikeys/pkg/apikey"
)

// jsonDepthMax bounds how deeply a body may nest. The bodies of the contract need three levels.
const jsonDepthMax = 32

// jsonValuesMax bounds how many values a body may have, nested ones included. Checking a value costs far more than receiving it,
// and anybody may send a megabyte of them.
const jsonValuesMax = 12_000

// wholeBody is the field's name in errors that don't concern a single member.
const wholeBody = "body"

// wholeNumber is the message for any other number, since the contract has only integers.
const wholeNumber = "must be a whole number"

// checkJSON finds what a JSON decoder would accept, silently replace, or refuse without saying where: duplicate members, text
// that is not Unicode or has NUL characters, numbers with a fraction or an exponent (1.0 is an integer to the schema, but not to
// Go), and anything after the value. It lists everything that is wrong with text and numbers. The first structural error ends the
// check, and so do too many values.
func checkJSON(body []byte) apikey.InvalidError {
	w := jsonWalker{body: body, decoder: json.NewDecoder(bytes.NewReader(body))}
	w.decoder.UseNumber()
	if err := w.value(nil); err != nil {
		return apikey.InvalidError{formError(err)}
	}
	if _, err := w.decoder.Token(); !errors.Is(err, io.EOF) {
		return apikey.InvalidError{{Field: wholeBody, Message: "must be a single JSON value"}}
	}
	return w.invalid
}

func formError(err error) apikey.FieldError {
	if field, ok := errors.AsType[fieldError](err); ok {
		return apikey.FieldError(field)
	}
	return apikey.FieldError{Field: wholeBody, Message: "must be valid JSON"}
}

// fieldError is a structural error whose place is known. It ends the check.
type fieldError apikey.FieldError

func (e fieldError) Error() string { return e.Field + " " + e.Message }

type jsonWalker struct {
	body    []byte
	decoder *json.Decoder
	values  int
	invalid apikey.InvalidError
}

// value walks over the next value, which is at path.
func (w *jsonWalker) value(path []string) error {
	if len(path) > jsonDepthMax {
		return fieldError{wholeBody, "must not be nested so deep"}
	}
	if w.values++; w.values > jsonValuesMax {
		return fieldError{wholeBody, "must not have so many values"}
	}
	start := w.decoder.InputOffset()
	token, err := w.decoder.Token()
	if err != nil {
		return err
	}
	switch t := token.(type) {
	case string:
		w.text(path, t, start)
	case json.Number:
		if strings.ContainsAny(t.String(), ".eE") {
			w.report(path, wholeNumber)
		}
	case json.Delim:
		if t == '{' {
			return w.object(path)
		}
		return w.array(path)
	}
	return nil
}

func (w *jsonWalker) object(path []string) error {
	seen := make(map[string]bool)
	for w.decoder.More() {
		start := w.decoder.InputOffset()
		token, err := w.decoder.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string) // the decoder accepts nothing else as a name
		member := append(path[:len(path):len(path)], printable(name))
		w.text(member, name, start)
		if seen[name] {
			return fieldError{fieldName(member), "must not be given twice"}
		}
		seen[name] = true
		if err := w.value(member); err != nil {
			return err
		}
	}
	_, err := w.decoder.Token()
	return err
}

func (w *jsonWalker) array(path []string) error {
	for i := 0; w.decoder.More(); i++ {
		if err := w.value(append(path[:len(path):len(path)], strconv.Itoa(i))); err != nil {
			return err
		}
	}
	_, err := w.decoder.Token()
	return err
}

// text checks a string or a member's name, which the body has somewhere after start.
func (w *jsonWalker) text(path []string, text string, start int64) {
	raw := w.body[start:w.decoder.InputOffset()]
	var message string
	switch {
	case !utf8.Valid(raw):
		message = "must be valid UTF-8"
	case strings.ContainsRune(text, 0):
		message = "must not contain NUL characters"
	case strings.ContainsRune(text, utf8.RuneError) && hasHalfPair(raw):
		message = "must be valid Unicode"
	default:
		return
	}
	w.report(path, message)
}

// hasHalfPair reports whether a well-formed JSON string contains half a surrogate pair, which the decoder replaces by U+FFFD (RFC
// 8259 §8.2).
func hasHalfPair(raw []byte) bool {
	for {
		_, escape, ok := bytes.Cut(raw, []byte(`\`)) // UTF-8 has no surrogates, so only escapes matter
		if !ok {
			return false
		}
		if escape[0] != 'u' {
			raw = escape[1:]
			continue
		}
		first, rest := escaped(escape[1:])
		raw = rest
		if !utf16.IsSurrogate(first) {
			continue
		}
		low, pair := bytes.CutPrefix(raw, []byte(`\u`))
		if !pair {
			return true
		}
		second, rest := escaped(low)
		if utf16.DecodeRune(first, second) == utf8.RuneError {
			return true
		}
		raw = rest
	}
}

// escaped returns the code unit that text begins with as four hexadecimal digits, and the text after them.
func escaped(text []byte) (unit rune, rest []byte) {
	const digits = 4
	parsed, err := strconv.ParseUint(string(text[:digits]), 16, 16)
	if err != nil {
		return utf8.RuneError, text[digits:] // impossible in a well-formed string
	}
	return rune(parsed), text[digits:]
}

func (w *jsonWalker) report(path []string, message string) {
	if len(w.invalid) < invalidMax {
		w.invalid = append(w.invalid, apikey.FieldError{Field: fieldName(path), Message: message})
	}
}

// fieldName names a member by its path, with dots between the levels.
func fieldName(path []string) string {
	if len(path) == 0 {
		return wholeBody
	}
	return strings.Join(path, ".")
}

// printable makes a name that the caller chose fit to be repeated in an answer: short, and without control characters.
func printable(name string) string {
	const limit = 60
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, name)
	if len(name) > limit {
		name = strings.ToValidUTF8(name[:limit], "") + "…"
	}
	return name
}
