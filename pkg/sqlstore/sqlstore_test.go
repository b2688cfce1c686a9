package sqlstore

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/piercloud/apikeys/pkg/apikey/storetest"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/operator/operatortest"
	"github.com/piercloud/apikeys/pkg/signing/signingtest"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlitetest"
)

// patience is the store's timeout in tests that expect an answer: a loaded machine with the race detector is slow.
const patience = time.Minute

// epoch is the time at which test data is created, unless a test needs another one.
var epoch = time.Date(2030, time.March, 1, 12, 0, 0, 123_456_000, time.UTC)

func TestSQLite(t *testing.T) {
	t.Parallel()
	prove(t, newSQLite)
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	prove(t, newPostgreSQL)
}

// prove runs everything that both dialects must do.
func prove(t *testing.T, open func(t testing.TB, o Options) *Store) {
	t.Run("Keys", func(t *testing.T) {
		t.Parallel()
		storetest.Run(t, func(t *testing.T) storetest.Backend {
			s := open(t, Options{Timeout: patience})
			return storetest.Backend{Keys: s, Uses: s, Log: s, Home: newTenancy(t, s), Other: newTenancy(t, s)}
		})
	})
	t.Run("Operators", func(t *testing.T) {
		t.Parallel()
		operatortest.Run(t, func(t *testing.T) operatortest.Backend {
			s := open(t, Options{Timeout: patience})
			if s.dialect == postgresDialect { // as in a database with the locale of a language, which the tests' server does not have
				if err := s.writer.WithContext(t.Context()).Exec(`ALTER TABLE operator ALTER email TYPE TEXT COLLATE "en-x-icu"`).Error; err != nil {
					t.Fatal(err)
				}
			}
			return operatortest.Backend{Operators: s, Log: s}
		})
	})
	t.Run("SigningKeys", func(t *testing.T) {
		t.Parallel()
		signingtest.Run(t, func(t *testing.T) signingtest.Backend {
			s := open(t, Options{Timeout: patience})
			return signingtest.Backend{Keys: s, Log: s}
		})
	})
	tests := []struct {
		name  string
		prove func(t *testing.T, open func(t testing.TB, o Options) *Store)
	}{
		{"TotalsAreMadeOfWhatWasCountedBefore", totalsOfOldCounts},
		{"NoCountOutlivesItsKey", noCountOutlivesItsKey},
		{"MonthsArePurgedInBatches", monthsArePurgedInBatches},
		{"ChangesNeedAuthority", changesNeedAuthority},
		{"SessionsExpire", sessionsExpire},
		{"TotalIsCapped", totalIsCapped},
		{"KeysThatAreAskedForWhileOthersAreReadAreReadTogether", waitingKeysAreReadTogether},
		{"LookupsThatWaitForOthersEndInTime", waitingLookupsEndInTime},
		{"LookupsPassStatementsThatHang", lookupsPassStatementsThatHang},
		{"LookupsSeeWhatWasChangedBefore", lookupsSeeWhatWasChangedBefore},
		{"WhatIsWrongWithOneKeyIsNoMatterOfOthers", brokenKeysAreNoMatterOfOthers},
		{"UsesThatAnOlderReleaseRecordsCount", usesOfAnOlderReleaseCount},
		{"UsesOutliveMigratingBackAndForth", usesOutliveMigrations},
		{"SearchesOfAnySizeAreInOrder", searchesOfAnySizeAreInOrder},
		{"SearchesFindWhatAnOlderReleaseWrites", searchesFindWhatAnOlderReleaseWrites},
		{"RowsTheDomainDoesNotKnowAreErrors", unknownRows},
		{"TextThatCannotBeStoredIsAnError", unstorableText},
		{"StatementsAreLoggedWithoutValues", statementLogging},
		{"MigrationIsRepeatable", migrationIsRepeatable},
		{"RunsBesideALaterRelease", runsBesideALaterRelease},
		{"EventsAreFoundByWhatIsAskedFor", eventsAreFound},
		{"HashesCoverEveryColumn", everyColumnIsCovered},
		{"TamperingIsFoundAndNamed", tamperingIsFound},
		{"CheckpointsOutliveSigningKeys", checkpointsOutliveSigningKeys},
		{"StatusIndexesAreThoseThatKeysHold", statusIndexesAreThoseThatKeysHold},
		{"RestoringEndsEveryStatusIndex", restoringEndsEveryStatusIndex},
		{"RestoringEndsSessionsAndLinksAndBeginsAnotherFeed", restoringEndsWhatLetsIn},
		{"RevokedSigningKeysAreToldAfterAStart", revokedSigningKeysAreTold},
		{"KeysOfAnEarlierVersionAreGivenStatusIndexes", keysOfAnEarlierVersionAreGivenStatusIndexes},
		{"PruningLeavesNoHole", pruningLeavesNoHole},
		{"TamperingWithWhatWasPrunedIsFound", tamperingWithWhatWasPrunedIsFound},
		{"PruningStopsAtTheFirstYoungEvent", pruningStopsAtTheFirstYoungEvent},
		{"InterruptedPruningVerifies", interruptedPruningVerifies},
		{"BrokenLogIsNotPruned", brokenLogIsNotPruned},
		{"AnOutageIsNoTampering", anOutageIsNoTampering},
		{"OfTwoPruningsAtOnceOneMovesTheBase", ofTwoPruningsOneMovesTheBase},
		{"PruningDoesNotDisturbVerifying", pruningDoesNotDisturbVerifying},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.prove(t, open)
		})
	}
}

// newSQLite returns a store with a migrated database of its own.
func newSQLite(t testing.TB, o Options) *Store {
	t.Helper()
	o.URL = migratedSQLite.URL(t)
	return newStore(t, o)
}

var migratedSQLite = sqlitetest.NewTemplate(openAndMigrate)

func openAndMigrate(url string) error {
	s, err := Open(Options{URL: url, Timeout: patience})
	if err != nil {
		return err
	}
	return errors.Join(s.Migrate(context.Background()), s.Close())
}

// newPostgreSQL returns a store with a migrated database of its own.
func newPostgreSQL(t testing.TB, o Options) *Store {
	t.Helper()
	o.URL = postgreSQLURL(t)
	return newStore(t, o)
}

// postgreSQLURL returns the URL of a migrated database, copied from a template.
func postgreSQLURL(t testing.TB) string {
	t.Helper()
	return pgtest.URLFromTemplate(t, pgtest.Digest(t, os.DirFS("migrations")), openAndMigrate)
}

// newStore opens a store and closes it when the test ends.
func newStore(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func migrate(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func newTenancy(t testing.TB, s *Store) string {
	t.Helper()
	tenancy := operator.Tenancy{ID: uuid.NewString(), Name: "Tenancy", CreatedAt: epoch}
	event := eventlog.Draft{
		At: epoch, TenancyID: tenancy.ID, Action: eventlog.TenancyCreated,
		Subject: eventlog.Subject{Kind: eventlog.SubjectTenancy, ID: tenancy.ID},
	}
	if err := s.CreateTenancy(t.Context(), tenancy, event); err != nil {
		t.Fatal(err)
	}
	return tenancy.ID
}
