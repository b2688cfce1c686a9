package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// workingRequest is what an operation needs in addition to its path.
type workingRequest struct{ query, media, body string }

func withJSON(body any) workingRequest {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err) // only maps and texts are encoded
	}
	return workingRequest{media: jsonType, body: string(encoded)}
}

func withForm(values ...string) workingRequest {
	form := url.Values{}
	for i := 0; i < len(values); i += 2 {
		form.Set(values[i], values[i+1])
	}
	return workingRequest{media: formType, body: form.Encode()}
}

func plain(*world, namedCaller) workingRequest { return workingRequest{} }

// workingRequests holds, for each operation, a function that returns a request that succeeds if the caller may make it.
var workingRequests = map[string]func(*world, namedCaller) workingRequest{
	"authenticate": func(w *world, _ namedCaller) workingRequest {
		return withJSON(map[string]any{"client_id": w.key().ClientID, "client_secret": w.key().ClientSecret})
	},
	"issueToken": func(w *world, who namedCaller) workingRequest {
		if who.kind == "basic" {
			return withForm("grant_type", "client_credentials")
		}
		return withForm("grant_type", "client_credentials", "client_id", w.key().ClientID, "client_secret", w.key().ClientSecret)
	},
	"introspectToken": func(w *world, _ namedCaller) workingRequest { return withForm("token", w.token()) },
	"revokeToken":     func(w *world, _ namedCaller) workingRequest { return withForm("token", w.token()) },
	"verifyToken":     plain,
	"getRevocations": func(w *world, _ namedCaller) workingRequest {
		w.s.follow(w.t)
		return workingRequest{}
	},
	"listStatusLists": plain,
	"getStatusList": func(w *world, _ namedCaller) workingRequest {
		w.s.follow(w.t)
		return workingRequest{}
	},
	"getMetadata": plain, "getOpenIDConfiguration": plain, "getJWKS": plain,
	"getHealth": plain, "getReadiness": plain, "getMetrics": plain, "getContract": plain,

	"signIn": func(*world, namedCaller) workingRequest {
		return withJSON(credentials("owner@customer.example", password))
	},
	"acceptInvitation": func(w *world, _ namedCaller) workingRequest {
		w.made++
		return withJSON(accept(w.platform.invite(fmt.Sprintf("guest%d@example.com", w.made), "readonly").Token))
	},
	"signOut": plain, "getSession": plain, "getSignInMethods": plain,
	"beginSingleSignOn": plain, "finishSingleSignOn": plain, // without a provider; api/singlesignon_test.go has one
	"changePassword": func(*world, namedCaller) workingRequest {
		return withJSON(map[string]any{"current_password": password, "new_password": password})
	},

	"listScopes": plain, "listApiKeys": plain, "getUsageOverview": plain, "listEvents": plain,
	"listUsage": func(w *world, _ namedCaller) workingRequest {
		return workingRequest{query: "client_id=" + w.key().ClientID}
	},
	"exportEvents": func(*world, namedCaller) workingRequest { return workingRequest{query: "format=csv"} },
	"getApiKey":    plain, "getApiKeyUsage": plain, "listApiKeyDenials": plain,

	"createApiKey": func(w *world, _ namedCaller) workingRequest {
		w.made++
		return withJSON(map[string]any{"name": fmt.Sprintf("made %d", w.made), "scopes": []string{"settings.api-keys:readonly"}})
	},
	"updateApiKey":   func(*world, namedCaller) workingRequest { return withJSON(map[string]any{"description": "edited"}) },
	"activateApiKey": plain, "deactivateApiKey": plain, "cancelApiKeyRotation": plain, "revokeApiKeyTokens": plain,
	"rotateApiKeySecret": func(*world, namedCaller) workingRequest { return withJSON(rotation(0)) },
	"changeApiKeyGrace":  func(*world, namedCaller) workingRequest { return withJSON(rotation(60)) },
	"retireApiKeySecret": plain, "deleteApiKey": plain,

	"listOperators": plain, "verifyEvents": plain,
	"inviteOperator": func(w *world, _ namedCaller) workingRequest {
		w.made++
		return withJSON(map[string]any{"email": fmt.Sprintf("invited%d@customer.example", w.made), "role": "readonly"})
	},
	"updateOperator":        func(*world, namedCaller) workingRequest { return withJSON(map[string]any{"role": "editor"}) },
	"resetOperatorPassword": plain, "listOperatorSessions": plain, "endOperatorSessions": plain, "deleteOperator": plain,
}

// key returns the key that requests are about: active, with a second secret that is in its grace period.
func (w *world) key() createdKey {
	w.t.Helper()
	if w.current == nil {
		w.made++
		k := rotatedKey(w.owner, fmt.Sprintf("%s %d", targetName, w.made))
		w.current = &k
	}
	return *w.current
}

// token returns an access token of the key.
func (w *world) token() string {
	w.t.Helper()
	w.issued = w.owner.token(w.key().ClientID, w.key().ClientSecret)
	return w.issued
}

// operator returns the id of the operator that requests are about.
func (w *world) operator() string {
	w.t.Helper()
	if w.operatorID == "" {
		w.made++
		w.operatorID = w.owner.invite(fmt.Sprintf("%s%d@customer.example", targetName, w.made), "readonly").Operator.ID
	}
	return w.operatorID
}

// renew makes the next request use another key and another operator. It removes the old operator if the request has not, since
// state lists all operators of the tenancy.
func (w *world) renew() {
	w.t.Helper()
	if w.operatorID != "" {
		w.owner.delete("/v1/operators/" + w.operatorID)
	}
	w.current, w.operatorID, w.issued = nil, "", ""
}

// state returns the state of the key, the operators and the token that requests are about. It is empty for operations that only
// read.
func (w *world) state(operation contractOperation) string {
	w.t.Helper()
	if operation.method == http.MethodGet {
		return ""
	}
	key := w.owner.get(w.key().path()).wants(http.StatusOK)
	operators := w.owner.get("/v1/operators").wants(http.StatusOK)
	var token answer
	if w.issued != "" {
		token = w.owner.do("POST", "/oauth2/introspect", formType, strings.NewReader("token="+w.issued)).wants(http.StatusOK)
	}
	return key.Header.Get("ETag") + string(operators.body) + string(token.body)
}
