package sqlstore

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm/logger"
)

// statementLog passes GORM's statements to slog, at debug level and without their values, which include digests and hashes. It
// doesn't log errors: they are returned, and whoever handles one logs it.
type statementLog struct{ logger *slog.Logger }

// LogMode returns l: slog decides about the level.
func (l statementLog) LogMode(logger.LogLevel) logger.Interface { return l }

// ParamsFilter keeps the values of a statement out of what GORM logs.
func (l statementLog) ParamsFilter(_ context.Context, statement string, _ ...any) (string, []any) {
	return statement, nil
}

// GORM's Scan logs its statement through a recorder of its own, whose filter has to be set separately and for the whole process.
func init() { logger.RecorderParamsFilter = statementLog{}.ParamsFilter }

// Info receives GORM's remarks about how it is used.
func (l statementLog) Info(ctx context.Context, format string, args ...any) {
	l.remark(ctx, format, args)
}

// Warn is like Info.
func (l statementLog) Warn(ctx context.Context, format string, args ...any) {
	l.remark(ctx, format, args)
}

// Error is like Info.
func (l statementLog) Error(ctx context.Context, format string, args ...any) {
	l.remark(ctx, format, args)
}

func (l statementLog) remark(ctx context.Context, format string, args []any) {
	if l.logger != nil {
		l.logger.DebugContext(ctx, "gorm", "message", fmt.Sprintf(format, args...))
	}
}

// Trace receives each statement after it has run.
func (l statementLog) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), err error) {
	if l.logger == nil || !l.logger.Enabled(ctx, slog.LevelDebug) {
		return
	}
	text, rows := statement()
	l.logger.DebugContext(ctx, "sql", "statement", text, "rows", rows, "started", begin, "failed", err != nil)
}
