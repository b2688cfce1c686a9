package oidc

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/oauth2"

	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/sealed"
)

// FlowLifetime is how long a person may take at the provider.
const FlowLifetime = 10 * time.Minute

// FlowMax bounds what a browser keeps of a flow, in bytes: a cookie may have 4096 including its name (RFC 6265bis §5.7).
const FlowMax = 4000

// flowBinding is the associated data for sealing flows, so that no other sealed data can be passed off as one.
var flowBinding = []byte("oidc flow")

// flow is a sign-in that has begun: what the provider's answer must match when the browser comes back.
type flow struct {
	State    string    `json:"state"`    // returned in the answer; shows that the answer belongs to this browser
	Nonce    string    `json:"nonce"`    // returned in the ID token; shows that it was issued for this sign-in
	Verifier string    `json:"verifier"` // sent to the token endpoint; proves that the code was issued for this sign-in (RFC 7636)
	ReturnTo string    `json:"return_to"`
	Expires  time.Time `json:"expires"`
}

// newFlow returns a flow whose secrets have 256 random bits each.
func newFlow(returnTo string, now time.Time) flow {
	return flow{
		State: rand.Text() + rand.Text(), Nonce: rand.Text() + rand.Text(), Verifier: oauth2.GenerateVerifier(),
		ReturnTo: returnTo, Expires: now.Add(FlowLifetime),
	}
}

// seal returns what the browser keeps. Errors: [operator.InvalidError] if that would exceed FlowMax.
func (f flow) seal(box *sealed.Box) (string, error) {
	var plain bytes.Buffer
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false) // it would turn each & in a query into six bytes
	if err := encoder.Encode(f); err != nil {
		return "", fmt.Errorf("encode the sign-in flow: %w", err)
	}
	kept := base64.RawURLEncoding.EncodeToString(box.Seal(plain.Bytes(), flowBinding))
	if len(kept) > FlowMax {
		return "", &operator.InvalidError{Field: "return_to", Message: "is too long"}
	}
	return kept, nil
}

// openFlow returns a flow that was sealed here and has not expired. Errors: [FailedError].
func openFlow(kept string, box *sealed.Box, now time.Time) (flow, error) {
	closed, err := base64.RawURLEncoding.DecodeString(kept)
	if err != nil || kept == "" {
		return flow{}, failed(Expired, "the browser sent no sign-in flow")
	}
	plain, err := box.Open(closed, flowBinding)
	if err != nil {
		return flow{}, failed(Expired, "the browser's sign-in flow was not made by this service")
	}
	var f flow
	if err := json.Unmarshal(plain, &f); err != nil {
		return flow{}, failed(Expired, "decode the sign-in flow: %w", err)
	}
	if !now.Before(f.Expires) {
		return flow{}, failed(Expired, "the sign-in flow has expired")
	}
	return f, nil
}
