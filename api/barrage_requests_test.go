package api_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// request returns a request of an operation, and its body. It returns nil if net/http would refuse the URL before any handler is
// called.
func (b *barrage) request(id string, o contractOperation) (*http.Request, string) {
	b.t.Helper()
	g := b.g
	path, query, header := o.path, url.Values{}, http.Header{}
	if k := one(g, b.keys...); strings.Contains(path, "{secret_id}") && g.often(60) {
		path = strings.NewReplacer("{client_id}", k.ClientID, "{secret_id}", one(g, k.Secrets...).ID).Replace(path)
	}
	for _, p := range o.parameters {
		p := p.Value
		text := b.parameter(p.Name, p.Schema.Value)
		switch {
		case p.In == "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(text[0]))
		case !p.Required && g.often(60):
		case p.In == "header":
			header[http.CanonicalHeaderKey(p.Name)] = text
		default:
			query[p.Name] = text
			if g.often(3) {
				query[p.Name] = append(text, text...)
			}
		}
	}
	raw := query.Encode()
	switch g.IntN(40) {
	case 0:
		raw += one(g, "&", "&&", ";", "&%zz", "&%00=1", "&x=%ff", "&=", "&a;b", "&__proto__=1", "&"+url.QueryEscape(g.hostileText())+"=1")
	case 1:
		path += one(g, "/", "//", "/..", "/%2e%2e", "/%00", "/"+url.PathEscape(g.hostileText()))
	}
	body, media := b.body(o)
	target := path
	if raw != "" {
		target += "?" + raw
	}
	address, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, ""
	}
	r := httptest.NewRequestWithContext(context.Background(), o.method, "/", strings.NewReader(body))
	r.URL, r.RequestURI, r.Header = address, target, header
	r.ContentLength = int64(len(body))
	if media != "" {
		header.Set("Content-Type", media)
	}
	b.transfer(r, body)
	b.authenticate(r, id)
	for name, values := range header {
		if strings.ContainsFunc(strings.Join(values, ""), func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			delete(header, name) // net/http does not let it through
		}
	}
	return r, body
}

// parameter returns the values of a parameter of the path, the query or the headers.
func (b *barrage) parameter(name string, schema *openapi3.Schema) []string {
	if b.g.often(15) {
		return []string{b.g.hostileText()}
	}
	var texts []string
	switch v := b.g.value(name, schema).(type) {
	case []any:
		for _, item := range v {
			texts = append(texts, fmt.Sprint(item))
		}
	default:
		texts = append(texts, fmt.Sprint(v))
	}
	return texts
}

// body returns the body of a request and its media type.
func (b *barrage) body(o contractOperation) (body, media string) {
	g := b.g
	if o.spec.RequestBody == nil {
		if g.often(5) {
			return g.hostileText(), jsonType
		}
		return "", ""
	}
	content := o.spec.RequestBody.Value.Content
	media = one(g, slices.Sorted(maps.Keys(content))...)
	sent := g.object(content[media].Schema.Value)
	b.pair(sent)
	value := any(sent)
	if media == formType {
		body = b.form(sent)
	} else {
		for g.often(40) {
			value = g.spoil(value)
		}
		var text strings.Builder
		encode(&text, value)
		body = text.String()
	}
	if g.often(8) {
		body = g.damage(body)
	}
	if g.often(5) {
		media = one(g, "", "text/plain", "application/json; charset=latin1", "application/json; charset", "APPLICATION/JSON;charset=UTF-8", formType, "multipart/form-data; boundary=x",
			"application/json, text/plain", ";", "application/xml", formType+"; charset=utf-16", "application/json; a=\"")
	}
	return body, media
}

// pair gives most client ids their own secret.
func (b *barrage) pair(o object) {
	if b.g.often(30) {
		return
	}
	k := one(b.g, b.keys...)
	for i, m := range o {
		switch m.name {
		case "client_id":
			o[i].value = k.ClientID
		case "client_secret":
			o[i].value = k.ClientSecret
		}
	}
}

// form encodes an object as a form, sometimes with something wrong in it.
func (b *barrage) form(o object) string {
	g := b.g
	var pairs []string
	for _, m := range o {
		text := fmt.Sprint(m.value)
		if g.often(15) {
			text = g.hostileText()
		}
		pair := url.QueryEscape(m.name) + "=" + url.QueryEscape(text)
		if g.often(5) {
			pair = m.name + "=" + text
		}
		pairs = append(pairs, pair)
		if g.often(4) {
			pairs = append(pairs, pair)
		}
	}
	if g.often(5) {
		pairs = append(pairs, one(g, "%zz", ";", "=", "a", "%00=%00", "a=%ff", "client_secret=", strings.Repeat("a=b&", 2000)))
	}
	return strings.Join(pairs, "&")
}

// transfer sends some bodies in chunks, compressed, falsely declared as compressed, or cut off.
func (b *barrage) transfer(r *http.Request, body string) {
	switch b.g.IntN(30) {
	case 0: // in chunks
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), -1
	case 1: // declared as compressed, but not
		r.Header.Set("Content-Encoding", one(b.g, "gzip", "br", "identity", "x"))
	case 2: // compressed
		var compressed bytes.Buffer
		z := gzip.NewWriter(&compressed)
		_, errWrite := z.Write([]byte(body))
		if err := z.Close(); err != nil || errWrite != nil {
			b.t.Fatal(err, errWrite)
		}
		r.Header.Set("Content-Encoding", "gzip")
		r.Body, r.ContentLength = io.NopCloser(&compressed), int64(compressed.Len())
	case 3: // cut off
		r.Body, r.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader(body), brokenReader{})), int64(len(body))+10
	}
}

// brokenReader is the end of a connection that breaks.
type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// authenticate adds credentials to most requests, usually of a caller who may make the request.
func (b *barrage) authenticate(r *http.Request, id string) {
	g := b.g
	switch n := g.IntN(20); {
	case n < 14:
		r.AddCookie(&http.Cookie{Name: "apikeys_session", Value: b.cookie})
	case n < 17:
		r.Header.Set("Authorization", "Bearer "+one(g, b.tokens...))
	case n < 18:
		r.Header.Set("Authorization", one(g, "Bearer ", "Basic ", "")+g.hostileText())
	case n < 19:
		k := one(g, b.keys...)
		r.SetBasicAuth(k.ClientID, k.ClientSecret)
	}
	if strings.HasPrefix(id, "verify") && g.often(50) {
		r.Header.Set("Authorization", "Bearer "+one(g, b.tokens...))
	}
	if g.often(5) {
		r.Header.Set(one(g, "User-Agent", "Cookie", "X-Forwarded-For", "Origin", "Accept", "Accept-Encoding", "Range", "If-Match", "If-None-Match", "Idempotency-Key", "X-Request-Id", "Traceparent"), g.hostileText())
	}
}
