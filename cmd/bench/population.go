package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/operator"
)

// population is a tenancy full of API keys, which is written to the database directly, in the form in which they are stored.
// Through the service it would take hours, since each change waits for the disk.
type population struct {
	pairs []pair // one for each key; nil if their secrets don't matter
	size  int
	words *vocabulary
	since time.Time // when the first key was created; the others follow one second apart
}

// newPopulation makes up keys. With secrets, each can be exchanged for a token.
func newPopulation(size int, withSecrets bool) *population {
	p := &population{size: size, words: newVocabulary(), since: time.Now().Add(-time.Duration(size) * time.Second)}
	if withSecrets {
		p.pairs = make([]pair, size)
	}
	return p
}

// keyColumns and secretColumns are the columns of the tables that have no default.
var (
	keyColumns = []string{
		"client_id", "tenancy_id", "name", "name_unique", "name_search", "description", "scopes", "lifespan_value", "lifespan_unit",
		"status", "generation", "version", "created_at", "created_by", "updated_at", "updated_by", "last_used_at",
	}
	secretColumns = []string{"id", "client_id", "digest", "last_four", "created_at", "last_used_ip"}
)

// rows returns the row of the i-th key and that of its secret.
func (p *population) rows(i int) (key, secret []any) {
	id, name, at := apikey.NewClientID(), p.words.name(i), p.since.Add(time.Duration(i)*time.Second).UnixMicro()
	status, used := apikey.Active, any(nil)
	if p.pairs == nil && i%100 == 7 {
		status = apikey.Inactive
	}
	if i%3 == 0 {
		used = p.since.Add(time.Duration(i*7919%p.size) * time.Second).UnixMicro()
	}
	var digest [sha256.Size]byte
	lastFour := "0000"
	if p.pairs != nil {
		p.pairs[i] = pair{id, apikey.NewSecret()}
		digest, lastFour = sha256.Sum256([]byte(p.pairs[i].ClientSecret)), apikey.LastFour(p.pairs[i].ClientSecret)
	}
	key = []any{
		id, operator.PlatformTenancyID, name, apikey.UniqueForm(name), apikey.SearchForm(name), "Made up", bareScope,
		1, string(apikey.Hours), string(status), 1, 1, at, "bench", at, "bench", used,
	}
	return key, []any{uuid.NewString(), id, digest[:], lastFour, at, ""}
}

// intoPostgreSQL writes all keys to a PostgreSQL database.
func (p *population) intoPostgreSQL(ctx context.Context, database string) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // everything has been written by then
	const batch = 20_000
	for start := 0; start < p.size; start += batch {
		end := min(start+batch, p.size)
		keys, secrets := make([][]any, 0, batch), make([][]any, 0, batch)
		for i := start; i < end; i++ {
			key, secret := p.rows(i)
			keys, secrets = append(keys, key), append(secrets, secret)
		}
		if _, err := conn.CopyFrom(ctx, pgx.Identifier{"api_key"}, keyColumns, pgx.CopyFromRows(keys)); err != nil {
			return err
		}
		if _, err := conn.CopyFrom(ctx, pgx.Identifier{"client_secret"}, secretColumns, pgx.CopyFromRows(secrets)); err != nil {
			return err
		}
	}
	_, err = conn.Exec(ctx, "VACUUM ANALYZE") // the server does the same by itself after a while
	return err
}

// intoSQLite writes all keys to a SQLite file that no service has open.
func (p *population) intoSQLite(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // everything has been committed by then
	transaction, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = transaction.Rollback() }() // after a commit there is nothing left to roll back
	intoKeys, err := transaction.PrepareContext(ctx, insert("api_key", keyColumns))
	if err != nil {
		return err
	}
	defer func() { _ = intoKeys.Close() }() // ends with the transaction anyway
	intoSecrets, err := transaction.PrepareContext(ctx, insert("client_secret", secretColumns))
	if err != nil {
		return err
	}
	defer func() { _ = intoSecrets.Close() }() // likewise
	for i := range p.size {
		key, secret := p.rows(i)
		if _, err := intoKeys.ExecContext(ctx, key...); err != nil {
			return err
		}
		if _, err := intoSecrets.ExecContext(ctx, secret...); err != nil {
			return err
		}
	}
	return transaction.Commit()
}

// insert returns an INSERT statement with a question mark for each value.
func insert(table string, columns []string) string {
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (?%s)", table, strings.Join(columns, ", "), strings.Repeat(", ?", len(columns)-1))
}

// vocabulary is what names are made of: made-up customers, what their programs do, and accents here and there.
type vocabulary struct {
	customers []string
}

func newVocabulary() *vocabulary {
	onsets := []string{"b", "br", "c", "d", "f", "g", "gr", "l", "m", "n", "p", "pr", "r", "s", "st", "t", "tr", "v", "z", "ch"}
	rhymes := []string{"a", "an", "ar", "e", "el", "en", "i", "in", "o", "or", "um", "ã", "é"}
	endings := []string{"co", "dor", "lia", "nex", "rio", "tec", "vel", "xa"}
	random := sequence(1)
	v := &vocabulary{customers: make([]string, 5000)}
	for i := range v.customers {
		var word strings.Builder
		for range 2 + random.below(2) {
			word.WriteString(onsets[random.below(len(onsets))] + rhymes[random.below(len(rhymes))])
		}
		word.WriteString(endings[random.below(len(endings))])
		v.customers[i] = strings.ToUpper(word.String()[:1]) + word.String()[1:]
	}
	return v
}

// purposes lists what customers' programs do.
var purposes = []string{
	"ERP", "CRM", "billing", "faturamento", "payroll", "folha", "inventory", "estoque", "reports", "relatórios", "integração",
	"integration", "backup", "monitoring", "previsão", "dashboard", "webshop", "mobile app", "gateway", "data lake", "ETL", "audit",
}

// name returns the i-th name. All are different.
func (v *vocabulary) name(i int) string {
	return fmt.Sprintf("%s %s %d", v.customers[i*7919%len(v.customers)], purposes[i*31%len(purposes)], i/len(v.customers))
}

// part returns three letters of some name, as somebody types them to search for a key.
func (v *vocabulary) part(random *sequence) string {
	words := v.customers
	if random.below(4) == 0 {
		words = purposes
	}
	for {
		letters := []rune(words[random.below(len(words))])
		if len(letters) >= 3 {
			start := random.below(len(letters) - 2)
			if part := strings.TrimSpace(string(letters[start : start+3])); len([]rune(part)) == 3 {
				return part
			}
		}
	}
}
