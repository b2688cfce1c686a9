package resourceserver

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// snapshot is the signed document of what is revoked, parsed but not yet applied.
type snapshot struct {
	position uint64
	clients  []clientEntry
	tokens   []tokenEntry
	keys     []string // kids
}

type clientEntry struct {
	client     digest
	generation int64
}

type tokenEntry struct {
	token   digest
	expires int64
}

// reading is the server's response to a request for its snapshot.
type reading struct {
	snapshot *snapshot // nil if the one with the tag that was sent is still current
	tag      string    // for the next conditional request
	complete time.Time // the snapshot has everything that was revoked before this time
}

// fetchSnapshot reads the snapshot, and verifies and parses all of it before returning, so that a broken one changes nothing.
// Given a tag, it asks whether the snapshot with that tag is still current.
func (f *feed) fetchSnapshot(ctx context.Context, tag string) (reading, error) {
	header := http.Header{
		"Accept": {"application/jose+json"},
		// A response from a cache would say nothing about whether the server is alive.
		"Cache-Control": {"no-cache"},
	}
	if tag != "" {
		header.Set("If-None-Match", tag)
	}
	asked := f.clock.now()
	document, err := f.remote.get(ctx, f.url, header, snapshotMax, snapshotTimeout)
	if err != nil {
		return reading{}, err
	}
	read := reading{tag: tag, complete: asked.Add(-answerAge(document.header))}
	if document.unchanged {
		if tag == "" {
			return reading{}, errors.New("snapshot: 304 to an unconditional request")
		}
		return read, nil
	}
	if read.snapshot, err = f.openSnapshot(ctx, document.body); err != nil {
		return reading{}, fmt.Errorf("snapshot: %w", err)
	}
	read.tag = document.header.Get("ETag")
	return read, nil
}

// openSnapshot verifies and parses a snapshot. It overwrites the body, because copying one with a million entries would be
// costly.
func (f *feed) openSnapshot(ctx context.Context, body []byte) (*snapshot, error) {
	protected, payload, signature, err := splitFlattened(body)
	if err != nil {
		return nil, err
	}
	headerJSON, err := strictBase64.AppendDecode(nil, protected)
	if err != nil {
		return nil, fmt.Errorf("protected header: %w", err)
	}
	var header joseHeader
	if err := json.Unmarshal(headerJSON, &header); err != nil {
		return nil, fmt.Errorf("protected header: %w", err)
	}
	if err := header.check("revocations+jwt"); err != nil {
		return nil, fmt.Errorf("protected header: %w", err)
	}
	signatureBytes, err := strictBase64.AppendDecode(nil, signature)
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	key, _, err := f.keys.find(ctx, header.KeyID)
	if err != nil {
		return nil, fmt.Errorf("kid %q: %w", header.KeyID, err)
	}
	// The signing input, protected "." payload, is assembled at the front of the body, where it fits because the body contains
	// both parts and more. The payload is moved first, since it may begin where the header goes.
	protected = bytes.Clone(protected)
	from := len(protected) + 1
	end := from + copy(body[from:], payload)
	body[copy(body, protected)] = '.'
	if err := es256.Verify(body[:end], signatureBytes, key); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return parseSnapshot(body[from:end], f.remote.issuer)
}

// splitFlattened returns the three members of a flattened JWS (RFC 7515 §7.2.2), each in base64url, as subslices of the body.
func splitFlattened(body []byte) (protected, payload, signature []byte, err error) {
	malformed := errors.New("not a flattened JWS of protected, payload and signature")
	rest, ok := bytes.CutPrefix(bytes.TrimSpace(body), []byte("{"))
	if !ok {
		return nil, nil, nil, malformed
	}
	for {
		var name, value []byte
		if name, rest, ok = cutString(rest); !ok {
			return nil, nil, nil, malformed
		}
		if rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, jsonSpace), []byte(":")); !ok {
			return nil, nil, nil, malformed
		}
		if value, rest, ok = cutString(rest); !ok || len(value) == 0 {
			return nil, nil, nil, malformed
		}
		var member *[]byte
		switch string(name) {
		case "protected":
			member = &protected
		case "payload":
			member = &payload
		case "signature":
			member = &signature
		}
		if member == nil || *member != nil {
			return nil, nil, nil, malformed
		}
		*member = value
		rest = bytes.TrimLeft(rest, jsonSpace)
		if len(rest) == 0 {
			return nil, nil, nil, malformed
		}
		separator := rest[0]
		rest = rest[1:]
		if separator == '}' && len(rest) == 0 && protected != nil && payload != nil && signature != nil {
			return protected, payload, signature, nil
		}
		if separator != ',' {
			return nil, nil, nil, malformed
		}
	}
}

const jsonSpace = " \t\r\n"

// cutString returns the JSON string at the beginning of b and what follows it. No string in a flattened JWS needs an escape.
func cutString(b []byte) (value, rest []byte, ok bool) {
	b, ok = bytes.CutPrefix(bytes.TrimLeft(b, jsonSpace), []byte(`"`))
	if !ok {
		return nil, nil, false
	}
	value, rest, ok = bytes.Cut(b, []byte(`"`))
	return value, rest, ok && !bytes.ContainsRune(value, '\\')
}

// parseSnapshot parses the payload, base64url of JSON, as a stream, because it can be large.
func parseSnapshot(payload []byte, issuer string) (*snapshot, error) {
	in := json.NewDecoder(base64.NewDecoder(strictBase64, bytes.NewReader(payload)))
	var read snapshot
	var from string
	hasPosition := false
	err := decodeObject(in, func(name string) error {
		switch name {
		case "iss":
			return in.Decode(&from)
		case "seq":
			hasPosition = true
			return in.Decode(&read.position)
		case "keys":
			return in.Decode(&read.keys)
		case "clients":
			return decodeObject(in, func(client string) error {
				entry := clientEntry{client: digestOf(client)}
				err := in.Decode(&entry.generation)
				read.clients = append(read.clients, entry)
				return err
			})
		case "tokens":
			return decodeObject(in, func(token string) error {
				entry := tokenEntry{token: digestOf(token)}
				err := in.Decode(&entry.expires)
				read.tokens = append(read.tokens, entry)
				return err
			})
		default:
			var ignored json.RawMessage
			return in.Decode(&ignored)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	if from != issuer {
		return nil, fmt.Errorf("payload: %w %q", ErrIssuer, from)
	}
	if !hasPosition {
		return nil, errors.New("payload: no seq")
	}
	return &read, nil
}

// decodeObject calls member for every member of the object that comes next; member must read the member's value.
func decodeObject(in *json.Decoder, member func(name string) error) error {
	opening, err := in.Token()
	if err != nil {
		return err
	}
	if opening == nil {
		return nil // null: how some encoders write an empty one
	}
	if opening != json.Delim('{') {
		return fmt.Errorf("%v where an object was expected", opening)
	}
	for in.More() {
		token, err := in.Token()
		if err != nil {
			return err
		}
		name, ok := token.(string)
		if !ok {
			return fmt.Errorf("%v where a name was expected", token)
		}
		if err := member(name); err != nil {
			return err
		}
	}
	_, err = in.Token()
	return err
}
