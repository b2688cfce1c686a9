package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// The statements that find an authority that is still valid.
const (
	operatorAuthority = "SELECT 1 FROM operator WHERE id = ? AND session_generation = ? AND role = ? AND status = 'active'"
	tokenAuthority    = "SELECT 1 FROM api_key WHERE client_id = ? AND generation = ? AND status = 'active' " +
		"AND NOT EXISTS (SELECT 1 FROM revoked_token WHERE jti = ?) " +
		"AND EXISTS (SELECT 1 FROM signing_key WHERE kid = ? AND (retire_at IS NULL OR retire_at > ?))"
)

// checkAuthority checks whether the context's authority is valid now. In a change it stays valid until the commit, because the head
// of the log is locked. Errors: [eventlog.ErrAuthorityLost].
func (t tx) checkAuthority(ctx context.Context, now time.Time) error {
	a, ok := eventlog.AuthorityOf(ctx)
	if !ok {
		return nil
	}
	statement, values := operatorAuthority, []any{a.ID, a.Generation, a.Role}
	if a.Kind == eventlog.ActorAPIKey {
		statement, values = tokenAuthority, []any{a.ID, a.Generation, a.TokenID, a.KeyID, newInstant(now)}
	}
	var found []int
	if err := t.db.Raw(statement, values...).Scan(&found).Error; err != nil {
		return fmt.Errorf("check an authority: %w", err)
	}
	if len(found) == 0 {
		return eventlog.ErrAuthorityLost
	}
	return nil
}
