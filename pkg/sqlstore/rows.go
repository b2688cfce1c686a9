package sqlstore

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// instant is a time as stored: microseconds since 1970 in UTC, NULL for the zero time.
type instant int64

func newInstant(t time.Time) instant {
	if t.IsZero() {
		return 0
	}
	return instant(t.UnixMicro())
}

func (i instant) time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(i)).UTC()
}

// Value implements driver.Valuer.
func (i instant) Value() (driver.Value, error) {
	if i == 0 {
		return nil, nil
	}
	return int64(i), nil
}

// Scan implements sql.Scanner.
func (i *instant) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*i = 0
	case int64:
		*i = instant(v)
	default:
		return fmt.Errorf("a stored time is %T, not an integer", value)
	}
	return nil
}

// newDigest checks the length of a stored SHA-256.
func newDigest(stored []byte) ([32]byte, error) {
	if len(stored) != 32 {
		return [32]byte{}, fmt.Errorf("a stored digest has %d bytes, not 32", len(stored))
	}
	return [32]byte(stored), nil
}
