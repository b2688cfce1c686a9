package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"github.com/piercloud/apikeys/pkg/apikey"
)

// List implements [apikey.Store].
func (s *Store) List(ctx context.Context, tenancyID string, q apikey.Query) (apikey.Page, error) {
	var page apikey.Page
	err := s.snapshot(ctx, func(t tx) error {
		matches, err := t.countMatches(tenancyID, q)
		if err != nil {
			return err
		}
		page = apikey.Page{Total: min(matches, apikey.TotalMax), TotalCapped: matches > apikey.TotalMax}
		page.Keys, err = t.page(tenancyID, q)
		return err
	})
	if err != nil {
		return apikey.Page{}, err
	}
	return page, nil
}

// countMatches counts up to one more than the total's bound.
func (t tx) countMatches(tenancyID string, q apikey.Query) (int, error) {
	var count int64
	matches := t.matching(tenancyID, q).Select("1").Limit(apikey.TotalMax + 1)
	if err := t.db.Table("(?) AS matches", matches).Count(&count).Error; err != nil {
		return 0, fmt.Errorf("count keys: %w", err)
	}
	return int(count), nil
}

func (t tx) page(tenancyID string, q apikey.Query) ([]apikey.Key, error) {
	order, err := ordering(q)
	if err != nil {
		return nil, err
	}
	var rows []keyRow
	err = t.matching(tenancyID, q).Order(order).Limit(q.PageSize).Offset((q.Page - 1) * q.PageSize).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.ClientID
	}
	secrets, err := t.secretsOf(ids)
	if err != nil {
		return nil, err
	}
	keys := make([]apikey.Key, len(rows))
	for i, row := range rows {
		if keys[i], err = row.key(secrets[row.ClientID]); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// matching selects what the query asks for. Both halves of a search have an index.
func (t tx) matching(tenancyID string, q apikey.Query) *gorm.DB {
	matching := t.db.Model(&keyRow{}).Where("tenancy_id = ?", tenancyID)
	if q.Status != "" {
		matching = matching.Where("status = ?", string(q.Status))
	}
	if q.Search != "" {
		part := "%" + likeEscaper.Replace(apikey.SearchForm(q.Search)) + "%"
		matching = matching.Where(`(name_search LIKE ? ESCAPE '\' OR client_id = ?)`, part, q.Search)
	}
	return matching
}

// likeEscaper makes every character of a search stand for itself.
var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// ordering returns the ORDER BY of the query. The dialects disagree on where NULLs belong unless they are told.
func ordering(q apikey.Query) (string, error) {
	direction := "ASC"
	if q.Descending {
		direction = "DESC"
	}
	switch q.SortBy {
	case apikey.SortByName:
		return "name_search " + direction + ", client_id " + direction, nil
	case apikey.SortByCreatedAt:
		return "created_at " + direction + ", client_id " + direction, nil
	case apikey.SortByLastUsedAt:
		return "last_used_at " + direction + " NULLS LAST, client_id " + direction, nil
	default:
		return "", fmt.Errorf("keys can't be sorted by %q", q.SortBy)
	}
}
