package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/scope"
)

var _ apikey.Store = (*Store)(nil)

// keyRow is a row of api_key.
type keyRow struct {
	ClientID      string  `gorm:"column:client_id;primaryKey"`
	TenancyID     string  `gorm:"column:tenancy_id"`
	Name          string  `gorm:"column:name"`
	NameUnique    string  `gorm:"column:name_unique"`
	NameSearch    string  `gorm:"column:name_search"`
	Description   string  `gorm:"column:description"`
	Scopes        string  `gorm:"column:scopes"` // separated by spaces
	LifespanValue int     `gorm:"column:lifespan_value"`
	LifespanUnit  string  `gorm:"column:lifespan_unit"`
	RateLimit     *int    `gorm:"column:rate_limit"` // NULL for the configured one
	Status        string  `gorm:"column:status"`
	Generation    int64   `gorm:"column:generation"`
	StatusIndex   *int64  `gorm:"column:status_index"` // NULL for none yet
	Version       int64   `gorm:"column:version"`
	Created       instant `gorm:"column:created_at"`
	CreatedBy     string  `gorm:"column:created_by"`
	Updated       instant `gorm:"column:updated_at"`
	UpdatedBy     string  `gorm:"column:updated_by"`
	LastUsed      instant `gorm:"-"` // from key_use
}

// TableName implements schema.Tabler.
func (keyRow) TableName() string { return "api_key" }

// changeable lists the columns that an update writes.
var changeable = []string{
	"name", "name_unique", "name_search", "description", "scopes", "lifespan_value", "lifespan_unit", "rate_limit", "status",
	"generation", "status_index", "version", "updated_at", "updated_by",
}

func newKeyRow(k apikey.Key) keyRow {
	return keyRow{
		ClientID: k.ClientID, TenancyID: k.TenancyID, Name: k.Name, NameUnique: apikey.UniqueForm(k.Name),
		NameSearch: apikey.SearchForm(k.Name), Description: k.Description, Scopes: k.Scopes.String(),
		LifespanValue: k.Lifespan.Value, LifespanUnit: string(k.Lifespan.Unit), Status: string(k.Status),
		Generation: k.Generation, Version: k.Version, Created: newInstant(k.CreatedAt), CreatedBy: k.CreatedBy,
		Updated: newInstant(k.UpdatedAt), UpdatedBy: k.UpdatedBy, RateLimit: orNull(k.RateLimit), StatusIndex: orNull(k.StatusIndex),
	}
}

// key maps the row to a key, without its secrets, which are rows of their own.
func (r keyRow) key() (apikey.Key, error) {
	scopes, lifespan, status, err := r.terms()
	if err != nil {
		return apikey.Key{}, fmt.Errorf("stored key %s: %w", r.ClientID, err)
	}
	return apikey.Key{
		TenancyID: r.TenancyID, ClientID: r.ClientID, Name: r.Name, Description: r.Description, Scopes: scopes,
		Lifespan: lifespan, Status: status, Generation: r.Generation, Version: r.Version, CreatedAt: r.Created.time(),
		CreatedBy: r.CreatedBy, UpdatedAt: r.Updated.time(), UpdatedBy: r.UpdatedBy, LastUsedAt: r.LastUsed.time(),
		StatusIndex: valueOf(r.StatusIndex), RateLimit: valueOf(r.RateLimit),
	}, nil
}

// client maps the columns that a client has, without its secrets, which are rows of their own.
func (r keyRow) client() (apikey.Client, error) {
	scopes, lifespan, status, err := r.terms()
	if err != nil {
		return apikey.Client{}, fmt.Errorf("stored key %s: %w", r.ClientID, err)
	}
	return apikey.Client{
		ID: r.ClientID, TenancyID: r.TenancyID, Scopes: scopes, Lifespan: lifespan.Duration(), RateLimit: valueOf(r.RateLimit),
		Status: status, Generation: r.Generation, StatusIndex: valueOf(r.StatusIndex),
	}, nil
}

// terms parses the columns that may be malformed.
func (r keyRow) terms() (scope.Set, apikey.Lifespan, apikey.Status, error) {
	scopes, err := scope.ParseSet(r.Scopes)
	if err != nil {
		return nil, apikey.Lifespan{}, "", err
	}
	lifespan := apikey.Lifespan{Value: r.LifespanValue, Unit: apikey.Unit(r.LifespanUnit)}
	if err := lifespan.Validate(); err != nil {
		return nil, apikey.Lifespan{}, "", err
	}
	switch r.Status { // return constants, so that all keys share one string, which is looked at for every verified token
	case string(apikey.Active):
		return scopes, lifespan, apikey.Active, nil
	case string(apikey.Inactive):
		return scopes, lifespan, apikey.Inactive, nil
	default:
		return nil, apikey.Lifespan{}, "", fmt.Errorf("unknown status %q", r.Status)
	}
}

// selectKeys reads the columns of keys and the time of their last use, with a row for each secret that a key lists; the secret's
// columns are NULL if the key lists none. Everything is read as of one moment.
const selectKeys = "SELECT api_key.client_id, api_key.tenancy_id, api_key.name, api_key.description, api_key.scopes, api_key.lifespan_value, " +
	"api_key.lifespan_unit, api_key.rate_limit, api_key.status, api_key.generation, api_key.status_index, api_key.version, " +
	"api_key.created_at, api_key.created_by, api_key.updated_at, api_key.updated_by, u.last_used_at, " +
	"s.id, s.digest, s.last_four, s.created_at, s.expires_at, s.last_used_at, s.last_used_ip " +
	"FROM api_key LEFT JOIN key_use u ON u.client_id = api_key.client_id " + joinListedSecrets + "WHERE "

// joinListedSecrets joins the secrets that a key lists, namely those not retired, as s.
const joinListedSecrets = "LEFT JOIN client_secret s ON s.client_id = api_key.client_id AND s.retired_at IS NULL "

// scanJoined reads a row of [selectKeys].
func scanJoined(rows *sql.Rows) (k keyRow, s *secretRow, err error) {
	var read secretRow
	var id, lastFour, lastUsedIP sql.Null[string]
	err = rows.Scan(&k.ClientID, &k.TenancyID, &k.Name, &k.Description, &k.Scopes, &k.LifespanValue,
		&k.LifespanUnit, &k.RateLimit, &k.Status, &k.Generation, &k.StatusIndex, &k.Version,
		&k.Created, &k.CreatedBy, &k.Updated, &k.UpdatedBy, &k.LastUsed,
		&id, &read.Digest, &lastFour, &read.Created, &read.Expires, &read.LastUsed, &lastUsedIP)
	if err != nil || !id.Valid {
		return k, nil, err
	}
	read.ID, read.LastFour, read.LastUsedIP = id.V, lastFour.V, lastUsedIP.V
	return k, &read, nil
}

// storedKeys returns, by client ID, the keys found by a statement that begins with [selectKeys].
func (t tx) storedKeys(statement string, args ...any) (map[string]*apikey.Key, error) {
	rows, err := t.db.Raw(statement, args...).Rows()
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err reports failures
	keys := make(map[string]*apikey.Key, 1)
	for rows.Next() {
		row, secret, err := scanJoined(rows)
		if err != nil {
			return nil, fmt.Errorf("read keys: %w", err)
		}
		key, ok := keys[row.ClientID]
		if !ok {
			read, err := row.key()
			if err != nil {
				return nil, err
			}
			key = &read
			keys[row.ClientID] = key
		}
		if secret == nil {
			continue
		}
		read, err := secret.secret()
		if err != nil {
			return nil, err
		}
		key.Secrets = append(key.Secrets, read)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	for _, key := range keys {
		key.Secrets = listed(key.Secrets)
	}
	return keys, nil
}

// key reads a key. Errors: [apikey.ErrNotFound].
func (t tx) key(where string, args ...any) (apikey.Key, error) {
	keys, err := t.storedKeys(selectKeys+where, args...)
	if err != nil {
		return apikey.Key{}, err
	}
	for _, key := range keys {
		return *key, nil
	}
	return apikey.Key{}, apikey.ErrNotFound
}

// keysOf reads the keys with the given client IDs, in the order of the IDs. Missing keys are left out.
func (t tx) keysOf(clientIDs []string) ([]apikey.Key, error) {
	if len(clientIDs) == 0 {
		return nil, nil
	}
	stored, err := t.storedKeys(selectKeys+"api_key.client_id IN ?", clientIDs)
	if err != nil {
		return nil, err
	}
	keys := make([]apikey.Key, 0, len(clientIDs))
	for _, id := range clientIDs {
		if key, ok := stored[id]; ok {
			keys = append(keys, *key)
		}
	}
	return keys, nil
}

func (t tx) tenancyKey(tenancyID, clientID string) (apikey.Key, error) {
	return t.key("api_key.tenancy_id = ? AND api_key.client_id = ?", tenancyID, clientID)
}

// nameTaken reports whether a statement failed because two keys of a tenancy would have had the same name.
func nameTaken(err error) bool { return isUniqueViolation(err, "api_key_name") }

// Create implements [apikey.Store].
func (s *Store) Create(ctx context.Context, key apikey.Key, event eventlog.Draft, answer *apikey.Answer) error {
	return s.change(ctx, func(t tx) (*eventlog.Draft, error) {
		// The answer comes first: a repeated create would find its own name taken.
		if answer != nil {
			if err := t.insertAnswer(*answer); err != nil {
				return nil, err
			}
		}
		var err error
		if key.StatusIndex, err = t.nextStatusIndex(); err != nil {
			return nil, err
		}
		row := newKeyRow(key)
		if err := t.db.Create(&row).Error; nameTaken(err) {
			return nil, apikey.ErrNameTaken
		} else if err != nil {
			return nil, fmt.Errorf("store key %s: %w", key.ClientID, err)
		}
		return &event, t.insertSecrets(key.ClientID, key.Secrets)
	})
}

// Get implements [apikey.Store].
func (s *Store) Get(ctx context.Context, tenancyID, clientID string) (apikey.Key, error) {
	return readOne(ctx, s, func(t tx) (apikey.Key, error) { return t.tenancyKey(tenancyID, clientID) })
}

// Update implements [apikey.Store].
func (s *Store) Update(
	ctx context.Context, tenancyID, clientID string, change func(apikey.Key) (apikey.Key, *eventlog.Draft, error),
) (apikey.Key, error) {
	var result apikey.Key
	err := s.change(ctx, func(t tx) (*eventlog.Draft, error) {
		old, err := t.tenancyKey(tenancyID, clientID)
		if err != nil {
			return nil, err
		}
		result = old
		own := old // own has its own secrets, so that change can't affect those compared below
		own.Secrets = slices.Clone(old.Secrets)
		changed, event, err := change(own)
		if err != nil {
			return nil, callerError{err}
		}
		if event == nil {
			return nil, nil
		}
		changed.ClientID, changed.TenancyID = old.ClientID, old.TenancyID
		changed.CreatedAt, changed.CreatedBy, changed.LastUsedAt = old.CreatedAt, old.CreatedBy, old.LastUsedAt
		if changed.StatusIndex = old.StatusIndex; changed.Generation != old.Generation {
			if changed.StatusIndex, err = t.nextStatusIndex(); err != nil {
				return nil, err
			}
		}
		err = t.db.Model(&keyRow{}).Where("tenancy_id = ? AND client_id = ?", tenancyID, clientID).
			Select(changeable).Updates(newKeyRow(changed)).Error
		if nameTaken(err) {
			return nil, apikey.ErrNameTaken
		} else if err != nil {
			return nil, fmt.Errorf("change key %s: %w", clientID, err)
		}
		if changed.Secrets, err = t.changeSecrets(clientID, old.Secrets, changed.Secrets); err != nil {
			return nil, err
		}
		result = changed
		return event, nil
	})
	if err != nil {
		return apikey.Key{}, err
	}
	return result, nil
}

// Delete implements [apikey.Store].
func (s *Store) Delete(
	ctx context.Context, tenancyID, clientID string, change func(apikey.Key) (eventlog.Draft, error),
) error {
	return s.change(ctx, func(t tx) (*eventlog.Draft, error) {
		old, err := t.tenancyKey(tenancyID, clientID)
		if err != nil {
			return nil, err
		}
		event, err := change(old)
		if err != nil {
			return nil, callerError{err}
		}
		if err := t.db.Where("tenancy_id = ? AND client_id = ?", tenancyID, clientID).Delete(&keyRow{}).Error; err != nil {
			return nil, fmt.Errorf("delete key %s: %w", clientID, err)
		}
		return &event, nil
	})
}
