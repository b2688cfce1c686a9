package oidctest

// Behaviour says how a provider deviates from correct behaviour. The zero Behaviour is correct.
type Behaviour struct {
	// Metadata replaces members of the discovery document.
	Metadata map[string]any
	// Answer replaces parameters of the authorization response; an empty value removes one.
	Answer map[string]string
	// Deny makes the person refuse.
	Deny bool
	// Claims changes the claims of the ID token before it is signed; UserInfo changes those of the userinfo endpoint.
	Claims, UserInfo func(map[string]any)
	// Signature is how the ID token is signed.
	Signature Signature
	// NoIDToken omits the ID token.
	NoIDToken bool
	// ThinIDToken returns the person's claims at the userinfo endpoint only.
	ThinIDToken bool
	// PostedSecret makes the provider announce and accept the client's secret in the body (client_secret_post) instead of HTTP
	// Basic.
	PostedSecret bool
	// Status makes paths fail with a status and a text that repeats the request's code.
	Status map[string]int
	// Hang blocks requests for the path HangAt until it is closed.
	Hang   <-chan struct{}
	HangAt string
}

// Behave makes the provider behave like this from now on.
func (p *Provider) Behave(b Behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behaviour = b
}

func (p *Provider) behaves() Behaviour {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.behaviour
}
