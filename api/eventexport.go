package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/piercloud/apikeys/api/internal/oas"
	"github.com/piercloud/apikeys/pkg/audit"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

// Bounds of the exports that run in this process at the same time. Each keeps reading the log for as long as its caller takes to
// receive it.
const (
	exportsMax    = 4
	exportsMaxFor = 2                // of one tenancy
	exportRetry   = 10 * time.Second // how long callers are asked to wait when no more may run
)

// ExportEvents streams all events that match.
func (s *server) ExportEvents(ctx context.Context, request oas.ExportEventsRequestObject) (oas.ExportEventsResponseObject, error) {
	p := request.Params
	filter, err := eventFilter(p.Actor, p.Subject, p.ClientID, p.Action, p.From, p.To)
	if err != nil {
		return nil, err
	}
	e := eventExport{
		ctx: ctx, server: s, viewer: viewerOf(ctx), filter: filter, mediaType: "application/x-ndjson", encode: appendJSONLines,
		name: "audit-log-" + s.now().UTC().Format("20060102T150405Z") + "." + string(p.Format),
	}
	if p.Format == oas.Csv {
		e.mediaType, e.encode, e.heading = "text/csv; charset=utf-8; header=present", appendCSV, csvHeading
	}
	return e, nil
}

// eventExport is an answer that is written while the events are read, some at a time.
type eventExport struct {
	ctx       context.Context //nolint:containedctx // of the one request that it answers
	server    *server
	viewer    audit.Viewer
	filter    audit.Filter
	mediaType string
	name      string
	heading   []string // the names of the columns; for CSV only
	encode    func(*bytes.Buffer, []eventlog.Event) error
}

// VisitExportEventsResponse writes the answer. Once it has begun, the only way left to report a failure is to cut the connection,
// so that nobody takes a part for the whole.
func (e eventExport) VisitExportEventsResponse(w http.ResponseWriter) error {
	if !e.server.exports.enter(e.viewer.TenancyID) {
		return throttledFault("Too many exports are running", exportRetry)
	}
	defer e.server.exports.leave(e.viewer.TenancyID)
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Time{}); err != nil { // otherwise the request would be canceled when it passes
		return err
	}
	begun := false
	var pending bytes.Buffer
	flush := func() error {
		if err := control.SetWriteDeadline(time.Now().Add(streamWriteMax)); err != nil {
			return err
		}
		if !begun {
			begun = true
			w.Header().Set("Content-Type", e.mediaType)
			w.Header().Set("Content-Disposition", `attachment; filename="`+e.name+`"`)
			w.WriteHeader(http.StatusOK)
		}
		if _, err := w.Write(pending.Bytes()); err != nil {
			return err
		}
		pending.Reset()
		return control.Flush()
	}
	err := appendCSVLine(&pending, e.heading)
	if err == nil {
		err = e.server.audit.Export(e.ctx, e.viewer, e.filter, func(events []eventlog.Event) error {
			return errors.Join(e.encode(&pending, events), flush())
		})
	}
	if err == nil && !begun {
		err = flush()
	}
	if err == nil || !begun {
		return err
	}
	if e.ctx.Err() == nil {
		e.server.log.LogAttrs(e.ctx, slog.LevelError, "an export was cut off",
			slog.String("request_id", callerOf(e.ctx).Origin.RequestID), slog.String("error", err.Error()))
	}
	panic(http.ErrAbortHandler)
}

// appendJSONLines writes each event on a line of its own, as the contract's Event.
func appendJSONLines(to *bytes.Buffer, events []eventlog.Event) error {
	encoder := json.NewEncoder(to)
	for _, event := range events {
		if err := encoder.Encode(eventView(event)); err != nil {
			return err
		}
	}
	return nil
}

// csvHeading names the columns.
var csvHeading = []string{
	"seq", "at", "action", "actor_kind", "actor_id", "actor_name", "ip", "user_agent", "request_id", "subject_kind", "subject_id",
	"before", "after", "hash",
}

// appendCSV writes each event as a record (RFC 4180).
func appendCSV(to *bytes.Buffer, events []eventlog.Event) error {
	for _, e := range events {
		err := appendCSVLine(to, []string{
			strconv.FormatInt(e.Seq, 10), e.At.Format(time.RFC3339Nano), string(e.Action),
			string(e.Actor.Kind), e.Actor.ID, e.Actor.Name, e.Origin.IP, e.Origin.UserAgent, e.Origin.RequestID,
			string(e.Subject.Kind), e.Subject.ID, string(e.Before), string(e.After), hex.EncodeToString(e.Hash),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func appendCSVLine(to *bytes.Buffer, cells []string) error {
	if len(cells) == 0 {
		return nil
	}
	defused := make([]string, len(cells))
	for i, cell := range cells {
		defused[i] = defuse(cell)
	}
	writer := csv.NewWriter(to)
	writer.UseCRLF = true
	if err := writer.Write(defused); err != nil {
		return err
	}
	writer.Flush()
	return writer.Error()
}

// defuse turns what a spreadsheet would take for a formula into text, since names and user agents are chosen by other people.
func defuse(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
