package app

import (
	"github.com/piercloud/apikeys/pkg/statuslist"
	"github.com/piercloud/apikeys/pkg/token"
)

// statusLists returns the status lists and how tokens refer to them, or nil for both if they are off.
func (a *App) statusLists() (status func(index int64) token.Status, lists *statuslist.Lists) {
	if !a.Config.statusLists() {
		return nil, nil
	}
	lists = statuslist.New(a.Store, a.Keyring, a.Config.Issuer, a.Revoked.Newest, a.options.Now)
	return lists.Status, lists
}
