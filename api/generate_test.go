package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// generator makes values that the contract describes, and values that it does not. The same seed makes the same values.
type generator struct {
	*rand.Rand
	known map[string][]string // texts that mean something to the service, by the name of the member or parameter
}

// verbatim is text, JSON or not, that is sent unchanged.
type verbatim string

// member and object represent a JSON object that keeps its order, and may have a name twice.
type member struct {
	name  string
	value any
}
type object []member

// hostileTexts are texts that have gone wrong in all kinds of systems.
var hostileTexts = []string{
	"", " ", "\t", "\x00", "a\x00b", "\x01\x1f\x7f", "\r\nSet-Cookie: a=b", "a\nb", "\u2028\u2029", "\u202etxt.exe", "\u200b\ufeff", "e\u0301\u0301\u0301",
	"\U0001F469\u200D\U0001F4BB", "\U0010FFFF", "\uFFFD", "İıẞß", "\xff", "\xc3\x28", "\xed\xa0\x80", "\xf4\x90\x80\x80", "'", "''; DROP TABLE api_key; --", `"`, `\`, `\\x00`,
	"%", "%%", "_", "%00", "%zz", "a%' OR '1'='1", "*", "?", "$1", ":name", "@p1", "{{7*7}}", "${jndi:ldap://x}", "<script>alert(1)</script>", "../../etc/passwd",
	"..%2f..", "null", "undefined", "NaN", "-0", "1e999", "true", "0x10", "[]", "{}", "=1+1", "ak_", "aks_", "eyJhbGciOiJub25lIn0.e30.", "lighthouse.workspaces:readonly",
	"cca:admin cca:admin", ":", "a:", ":admin", "a..b:admin", "A:ADMIN", "2026-02-30T00:00:00Z", "0000-00-00T00:00:00Z", "9999-12-31T23:59:60Z", "-262144-01-01T00:00:00Z",
	"2026-01-01T00:00:00+99:99", "1969-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "Local", "../UTC", "Etc/Unknown", `W/"1"`, `"1", "2"`, "*, *",
}

// hostileValues are JSON of another type than expected, or not JSON at all.
var hostileValues = []verbatim{
	"null", "true", "false", "0", "-0", "-1", "1.5", "1e2", "1E+2", "1e400", "-1e400", "1e-400", "2147483647", "2147483648", "-2147483649", "9223372036854775807",
	"9223372036854775808", "18446744073709551616", "123456789012345678901234567890", "0.1e1", "NaN", "Infinity", "-Infinity", "01", "+1", "0x1", "1_000", "1.", ".5",
	`""`, `"x"`, `"1"`, "[]", "{}", "[[]]", `[null]`, `{"a":1}`, `["a","a"]`, `'x'`, "undefined", `"\ud800"`, `"\udc00\ud800"`, `"\u0000"`, `"\x41"`, `"\u12"`, `"a`, "[1,]", "{,}",
	`{"a":1,"a":2}`, `{"":1}`, `{"__proto__":{"a":1}}`, `"\ud83d\ude00"`, "[", "]", "}", "",
}

// one returns a random element of a list.
func one[T any](g *generator, of ...T) T { return of[g.IntN(len(of))] }

// often returns true n times out of a hundred.
func (g *generator) often(n int) bool { return g.IntN(100) < n }

// text returns a text of this many characters, of several scripts.
func (g *generator) text(characters int) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789 -_.:éñßç漢字ж😀"
	letters := []rune(alphabet)
	var b strings.Builder
	for range characters {
		b.WriteRune(letters[g.IntN(len(letters))])
	}
	return b.String()
}

// hostileText returns a text that something may choke on, sometimes a very long one.
func (g *generator) hostileText() string {
	switch g.IntN(12) {
	case 0:
		return strings.Repeat(one(g, "a", "é", "%", "\x00", "😀", "("), one(g, 65, 101, 256, 501, 1025, 10_000, 70_000))
	case 1:
		return g.text(g.IntN(30)) + one(g, hostileTexts...) + g.text(g.IntN(30))
	default:
		return one(g, hostileTexts...)
	}
}

// value returns a value that the schema allows. name is the name of the member or parameter.
func (g *generator) value(name string, schema *openapi3.Schema) any {
	switch {
	case schema.Nullable && g.often(20):
		return verbatim("null")
	case len(schema.Enum) > 0:
		return schema.Enum[g.IntN(len(schema.Enum))]
	case schema.Type.Is(openapi3.TypeObject):
		return g.object(schema)
	case schema.Type.Is(openapi3.TypeArray):
		items := make([]any, max(int(schema.MinItems), g.IntN(4)))
		for i := range items {
			items[i] = g.value(name, schema.Items.Value)
		}
		return items
	case schema.Type.Is(openapi3.TypeInteger):
		return verbatim(strconv.FormatInt(g.integer(schema), 10))
	case schema.Type.Is(openapi3.TypeBoolean):
		return g.often(50)
	default:
		return g.validText(name, schema)
	}
}

func (g *generator) object(schema *openapi3.Schema) object {
	var o object
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		if p := schema.Properties[name].Value; slices.Contains(schema.Required, name) || g.often(50) && !p.ReadOnly {
			o = append(o, member{name, g.value(name, p)})
		}
	}
	g.Shuffle(len(o), func(i, j int) { o[i], o[j] = o[j], o[i] })
	return o
}

func (g *generator) integer(schema *openapi3.Schema) int64 {
	least, most := int64(0), int64(1000)
	if schema.Min != nil {
		least = int64(*schema.Min)
	}
	if schema.Max != nil {
		most = int64(*schema.Max)
	}
	return one(g, least, most, least+g.Int64N(most-least+1), min(most, least+g.Int64N(20)))
}

func (g *generator) validText(name string, schema *openapi3.Schema) string {
	if known := g.known[name]; len(known) > 0 && g.often(85) {
		return one(g, known...)
	}
	if schema.Format == "date-time" {
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(g.IntN(400*24)) * time.Hour)
		return at.In(time.FixedZone("", one(g, 0, -3, 14)*3600)).Format(time.RFC3339)
	}
	if schema.Pattern != "" { // the contract's only pattern asks for visible characters
		return fmt.Sprintf("k%d", g.IntN(50))
	}
	length := g.IntN(40)
	if schema.MaxLength != nil && g.often(5) {
		length = int(*schema.MaxLength)
	}
	return g.text(max(int(schema.MinLength), length))
}

// spoil returns the value with something wrong in it.
func (g *generator) spoil(value any) any {
	switch v := value.(type) {
	case object:
		if len(v) > 0 && g.often(60) {
			i := g.IntN(len(v))
			v[i].value = g.spoil(v[i].value)
			return v
		}
		return g.spoilObject(v)
	case []any:
		if len(v) > 0 && g.often(60) {
			i := g.IntN(len(v))
			v[i] = g.spoil(v[i])
			return v
		}
		return one[any](g, verbatim("["+strings.Repeat(`"cca:admin",`, one(g, 100, 101, 5000))+`"cca:admin"]`), append(v, g.hostileText()), append(v, v...), []any{})
	}
	if g.often(50) {
		return g.hostileText()
	}
	return one(g, hostileValues...)
}

func (g *generator) spoilObject(o object) any {
	switch g.IntN(6) {
	case 0:
		return append(o, member{one(g, "unknown", "client_secret", "client_id", "tenancy_id", "role", "__proto__", "", "\x00", "\xff", "Name"), g.hostileText()})
	case 1:
		if len(o) > 0 {
			return append(o, o[g.IntN(len(o))])
		}
	case 2:
		if len(o) > 0 {
			i := g.IntN(len(o))
			return slices.Delete(o, i, i+1)
		}
	case 3:
		depth := one(g, 10, 40, 10_000)
		return append(o, member{"deep", verbatim(strings.Repeat("[", depth) + strings.Repeat("]", depth))})
	case 4:
		return one(g, hostileValues...)
	}
	return append(o, member{g.hostileText(), one(g, hostileValues...)})
}

// encode writes a value as JSON. It writes the bytes of texts unchanged, valid or not.
func encode(b *strings.Builder, value any) {
	switch v := value.(type) {
	case verbatim:
		b.WriteString(string(v))
	case object:
		b.WriteByte('{')
		for i, m := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			encode(b, m.name)
			b.WriteByte(':')
			encode(b, m.value)
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			encode(b, item)
		}
		b.WriteByte(']')
	case string:
		encodeText(b, v)
	default:
		encoded, err := json.Marshal(v)
		if err != nil {
			panic(err) // only booleans and enumerated values get here
		}
		b.Write(encoded)
	}
}

func encodeText(b *strings.Builder, text string) {
	b.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ':
			fmt.Fprintf(b, `\u%04x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
}

// damage changes the bytes of a body, regardless of their meaning.
func (g *generator) damage(body string) string {
	at := g.IntN(len(body) + 1)
	switch g.IntN(10) {
	case 0:
		return ""
	case 1:
		return body[:at]
	case 2:
		return body + one(g, "}", "]", " {}", "\x00", "null", "//", ",")
	case 3:
		return "\ufeff" + body
	case 4:
		return body[:at] + one(g, "\x00", "\xff", "\"", "{", "\\", "\n", "/**/") + body[at:]
	case 5:
		return strings.Repeat(" ", one(g, 1, 1000, 1<<20)) + body
	case 6:
		return body + body
	case 7:
		return "[" + body + "]"
	case 8:
		return strings.ReplaceAll(body, `"`, "'")
	default:
		var wide strings.Builder // as UTF-16
		for i := range len(body) {
			wide.WriteString(body[i:i+1] + "\x00")
		}
		return wide.String()
	}
}
