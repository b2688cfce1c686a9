package oidctest

import (
	"html/template"
	"net/http"
)

// signInPage asks who is there; the answer is an additional parameter of the same request.
var signInPage = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><title>Test provider</title><link rel="icon" href="data:,">
<h1>Who are you?</h1>
<form>
{{range $name, $values := .Query}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">{{end}}{{end}}
{{range .People}}<button name="person" value="{{.Subject}}">{{.Subject}}</button>{{end}}
</form>
`))

// whoIs returns the person who is signed in at the provider, or otherwise the one chosen on the sign-in page.
func (p *Provider) whoIs(chosen string) (Person, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.person != nil {
		return *p.person, true
	}
	for _, person := range p.people {
		if person.Subject == chosen {
			return person, true
		}
	}
	return Person{}, false
}

func (p *Provider) ask(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	people := p.people
	p.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = signInPage.Execute(w, map[string]any{"Query": r.URL.Query(), "People": people}) // on failure the reader sees that it is cut off
}
