import { afterEach, describe, expect, it, vi } from "vitest";
import { type AuditSearch, auditDefaults, eventFilter, exportUrl, isFiltered, parseAuditSearch } from "./audit-search";

afterEach(() => vi.unstubAllEnvs());

/** Search parameters as they come from a URL: always strings, whatever the type says. */
function fromUrl(raw: Record<string, unknown>): AuditSearch {
  return parseAuditSearch(raw as Parameters<typeof parseAuditSearch>[0]);
}

const now = new Date("2026-11-23T12:00:00Z");

describe("the filters in the URL", () => {
  it("are read back as they were written", () => {
    const search: AuditSearch = {
      actor: "ana@example.com",
      key: "ak_EXAMPLE",
      action: "api-key.updated",
      period: "custom",
      from: "2026-11-01",
      to: "2026-11-20",
    };
    expect(fromUrl({ ...search })).toEqual(search);
  });

  it.each([
    [{}],
    [{ period: "yesterday" }],
    [{ from: "2026-02-31" }],
    [{ from: "0050-01-01", to: "9999-12-31" }],
    [{ from: "soon", to: "<script>" }],
    [{ actor: 7, key: null, action: ["x"] }],
  ])("become the defaults where they are invalid: %o", (raw) => {
    expect(fromUrl(raw)).toEqual(auditDefaults);
  });

  it("are cut to what the service accepts", () => {
    expect(fromUrl({ actor: ` ${"a".repeat(300)}`, key: "k".repeat(90) })).toMatchObject({
      actor: "a".repeat(254),
      key: "k".repeat(64),
    });
  });

  it("have no last day before the first", () => {
    expect(fromUrl({ from: "2026-11-20", to: "2026-11-01" })).toMatchObject({ from: "2026-11-20", to: "" });
  });

  it("make a custom period of a day alone", () => {
    expect(fromUrl({ from: "2026-11-01", period: "7d" })).toMatchObject({ period: "custom", from: "2026-11-01" });
  });
});

describe("what the service is asked for", () => {
  it("is everything without filters", () => {
    expect(eventFilter(auditDefaults, now)).toEqual({});
    expect(isFiltered(auditDefaults)).toBe(false);
    expect(isFiltered({ ...auditDefaults, period: "custom" })).toBe(false);
  });

  it("reaches back from now", () => {
    expect(eventFilter({ ...auditDefaults, period: "7d" }, now)).toEqual({ from: "2026-11-16T12:00:00.000Z" });
  });

  it("reaches from the first day's beginning to the last day's end, where the reader is", () => {
    vi.stubEnv("TZ", "America/New_York");
    const filter = eventFilter({ ...auditDefaults, period: "custom", from: "2026-11-01", to: "2026-11-01" }, now);
    // The day on which clocks go back has 25 hours.
    expect(filter).toEqual({ from: "2026-11-01T04:00:00.000Z", to: "2026-11-02T05:00:00.000Z" });
  });

  it("is exported under the same filters", () => {
    const url = new URL(exportUrl({ ...auditDefaults, action: "token.revoked", actor: "a&b" }, "csv", now), "http://x");
    expect(url.pathname).toBe("/v1/events/export");
    expect(Object.fromEntries(url.searchParams)).toEqual({ format: "csv", action: "token.revoked", actor: "a&b" });
  });
});
