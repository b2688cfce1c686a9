package sqlstore

import (
	"testing"

	"github.com/piercloud/apikeys/pkg/revocation/revocationtest"
)

func TestRevocationsOnSQLite(t *testing.T) {
	t.Parallel()
	proveRevocations(t, newSQLite)
}

func TestRevocationsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	proveRevocations(t, newPostgreSQL)
}

func proveRevocations(t *testing.T, open func(t testing.TB, o Options) *Store) {
	revocationtest.Run(t, func(t *testing.T) revocationtest.Backend {
		s := open(t, Options{Timeout: patience})
		return revocationtest.Backend{Revocations: s, Keys: s, Log: s, TenancyID: newTenancy(t, s)}
	})
}
