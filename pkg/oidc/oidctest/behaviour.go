package oidctest

// Behaviour is how a provider departs from what it should do. The zero Behaviour departs from nothing.
type Behaviour struct {
	// Metadata replaces members of the discovery document.
	Metadata map[string]any
	// Answer replaces parameters of the authorization response; an empty value leaves one out.
	Answer map[string]string
	// Deny has the person say no.
	Deny bool
	// Claims changes those of the ID token before it is signed; UserInfo those of the userinfo endpoint.
	Claims, UserInfo func(map[string]any)
	// Signature is how the ID token is signed.
	Signature Signature
	// NoIDToken leaves it out.
	NoIDToken bool
	// ThinIDToken tells of a person at the userinfo endpoint alone.
	ThinIDToken bool
	// PostedSecret has it announce and take the client's secret in the body (client_secret_post) in place of HTTP Basic.
	PostedSecret bool
	// Status has paths fail with a status, in a text that repeats what it was asked.
	Status map[string]int
	// Hang holds requests of the path HangAt up until it is closed.
	Hang   <-chan struct{}
	HangAt string
}

// Behave has the provider behave so from now on.
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
