package api

import (
	"context"
	"time"

	"github.com/piercloud/apikeys/api/internal/oas"
	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/usage"
)

// usageSpan is the period that a question about usage covers unless it names one.
const usageSpan = 24 * time.Hour

// GetAPIKeyUsage returns how many tokens were issued and denied to a key over time, and how many each of its secrets obtained in
// the last 24 hours.
func (s *server) GetAPIKeyUsage(ctx context.Context, request oas.GetAPIKeyUsageRequestObject) (oas.GetAPIKeyUsageResponseObject, error) {
	p := request.Params
	span, err := s.span(p.From, p.Until, string(valueOf(p.Resolution)), valueOf(p.TimeZone))
	if err != nil {
		return nil, err
	}
	caller := callerOf(ctx)
	key, err := s.keys.Get(ctx, caller, request.ClientID)
	if err != nil {
		return nil, err
	}
	series, err := s.usage.Series(ctx, caller.TenancyID, []string{key.ClientID}, span)
	if err != nil {
		return nil, err
	}
	issued, err := s.usage.IssuedBySecret(ctx, caller.TenancyID, key.ClientID)
	if err != nil {
		return nil, err
	}
	answer := oas.GetAPIKeyUsage200JSONResponse{
		ClientID: key.ClientID, Points: pointViews(series[0].Points), Secrets: make([]oas.SecretUsage, len(key.Secrets)),
	}
	for i, secret := range key.Secrets {
		answer.Secrets[i] = oas.SecretUsage{SecretID: secret.ID, IssuedLast24H: issued[secret.ID]}
	}
	return answer, nil
}

// ListUsage returns how many tokens were issued and denied to several keys over time.
func (s *server) ListUsage(ctx context.Context, request oas.ListUsageRequestObject) (oas.ListUsageResponseObject, error) {
	p := request.Params
	span, err := s.span(p.From, p.Until, string(valueOf(p.Resolution)), valueOf(p.TimeZone))
	if err != nil {
		return nil, err
	}
	all, err := s.usage.Series(ctx, callerOf(ctx).TenancyID, p.ClientID, span)
	if err != nil {
		return nil, err
	}
	items := make([]oas.UsageSeries, len(all))
	for i, series := range all {
		items[i] = oas.UsageSeries{ClientID: series.ClientID, Points: pointViews(series.Points)}
	}
	return oas.ListUsage200JSONResponse{Items: items}, nil
}

// span returns the period of a question about usage, with defaults filled in. Errors: apikey.InvalidError.
func (s *server) span(from, until *time.Time, resolution, zone string) (usage.Span, error) {
	var invalid apikey.InvalidError
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		invalid = append(invalid, apikey.FieldError{Field: "time_zone", Message: "must be the IANA name of a time zone, such as America/Sao_Paulo"})
	}
	span := usage.Span{Until: s.now(), Resolution: usage.Resolution(resolution), Location: location}
	if until != nil {
		span.Until = *until
	}
	span.From = span.Until.Add(-usageSpan)
	if from != nil {
		span.From = *from
	}
	if length := span.Until.Sub(span.From); length <= 0 || length > usage.SpanMax {
		invalid = append(invalid, apikey.FieldError{Field: "from", Message: "must be before until, by at most 92 days"})
	}
	if len(invalid) > 0 {
		return usage.Span{}, invalid
	}
	return span, nil
}

func pointViews(points []usage.Point) []oas.UsagePoint {
	views := make([]oas.UsagePoint, len(points))
	for i, p := range points {
		views[i] = oas.UsagePoint{Start: p.Start, Issued: p.Issued, Denied: p.Denied}
	}
	return views
}

// ListAPIKeyDenials returns the latest exchanges that a key was refused.
func (s *server) ListAPIKeyDenials(ctx context.Context, request oas.ListAPIKeyDenialsRequestObject) (oas.ListAPIKeyDenialsResponseObject, error) {
	caller := callerOf(ctx)
	key, err := s.keys.Get(ctx, caller, request.ClientID)
	if err != nil {
		return nil, err
	}
	denials, err := s.usage.Denials(ctx, caller.TenancyID, key.ClientID)
	if err != nil {
		return nil, err
	}
	items := make([]oas.Denial, len(denials))
	for i, d := range denials {
		items[i] = oas.Denial{At: d.At, Reason: oas.DenialReason(d.Reason), IP: d.IP, RequestID: d.RequestID}
	}
	return oas.ListAPIKeyDenials200JSONResponse{Items: items}, nil
}

// GetUsageOverview returns the tenancy's usage at a glance.
func (s *server) GetUsageOverview(ctx context.Context, request oas.GetUsageOverviewRequestObject) (oas.GetUsageOverviewResponseObject, error) {
	days, unusedDays := int(valueOf(request.Params.Days)), int(valueOf(request.Params.UnusedDays))
	o, err := s.usage.Overview(ctx, callerOf(ctx).TenancyID, days, unusedDays)
	if err != nil {
		return nil, err
	}
	answer := oas.GetUsageOverview200JSONResponse{
		Issued: o.Issued, Denied: o.Denied, Top: keyUsageViews(o.Top), Unused: keyUsageViews(o.Unused),
		Expiring: make([]oas.ExpiringSecret, len(o.Expiring)),
	}
	for i, e := range o.Expiring {
		answer.Expiring[i] = oas.ExpiringSecret{
			ClientID: e.ClientID, Name: e.Name, SecretID: e.SecretID, LastFour: e.LastFour, ExpiresAt: e.ExpiresAt,
			LastUsedAt: unlessZero(e.LastUsedAt),
		}
	}
	return answer, nil
}

func keyUsageViews(keys []usage.KeyCount) []oas.KeyUsageSummary {
	views := make([]oas.KeyUsageSummary, len(keys))
	for i, k := range keys {
		views[i] = oas.KeyUsageSummary{
			ClientID: k.ClientID, Name: k.Name, Issued: k.Issued, Denied: k.Denied,
			LastUsedAt: unlessZero(k.LastUsedAt), CreatedAt: k.CreatedAt,
		}
	}
	return views
}
