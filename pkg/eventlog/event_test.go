package eventlog_test

import (
	"testing"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

func TestAnEventTellsWhatDiffers(t *testing.T) {
	key := eventlog.State{"name": "Acme", "scopes": []string{"cca:admin"}}
	tests := map[string]struct {
		before, after         eventlog.State
		wantBefore, wantAfter string
	}{
		"nothing":                      {nil, nil, "", ""},
		"what is made":                 {nil, key, "", `{"name":"Acme","scopes":["cca:admin"]}`},
		"what is deleted":              {key, nil, `{"name":"Acme","scopes":["cca:admin"]}`, ""},
		"the member that changed":      {key, eventlog.State{"name": "Globex", "scopes": []string{"cca:admin"}}, `{"name":"Acme"}`, `{"name":"Globex"}`},
		"the list that changed":        {key, eventlog.State{"name": "Acme", "scopes": []string{}}, `{"scopes":["cca:admin"]}`, `{"scopes":[]}`},
		"members of one side":          {eventlog.State{"a": 1}, eventlog.State{"b": nil}, `{"a":1}`, `{"b":null}`},
		"an edit that changes nothing": {key, key, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d, err := eventlog.Draft{Action: eventlog.APIKeyUpdated}.Telling(test.before, test.after)
			if err != nil || string(d.Before) != test.wantBefore || string(d.After) != test.wantAfter || d.Action != eventlog.APIKeyUpdated {
				t.Errorf("it tells %s and %s of %s, %v", d.Before, d.After, d.Action, err)
			}
		})
	}
	if len(key) != 2 {
		t.Error("telling took members out of the state")
	}
}

func TestAnEventThatCanNotBeEncodedIsNone(t *testing.T) {
	if d, err := (eventlog.Draft{Action: eventlog.APIKeyUpdated}).Telling(nil, eventlog.State{"at": make(chan int)}); err == nil || d.Action != "" {
		t.Errorf("got %+v, %v", d, err)
	}
}
