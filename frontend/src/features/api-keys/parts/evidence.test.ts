import i18next from "i18next";
import { describe, expect, it } from "vitest";
import type { Format } from "@/shared/i18n/use-format";
import type { SecretInfo } from "../api/api-key";
import { evidenceOf } from "./evidence";

const now = new Date("2026-11-23T12:00:00Z");
const format = { relative: () => "3 min. ago" } as unknown as Format;

function secret(lastUsedAt: string | null, ip: string | null = "10.0.0.5"): SecretInfo {
  return {
    id: "secret",
    last_four: "aB3d",
    created_at: "2026-11-01T00:00:00Z",
    expires_at: null,
    last_used_at: lastUsedAt,
    last_used_ip: ip,
  };
}

const evidence = (used: SecretInfo, issued?: number) => evidenceOf(i18next.t, format, now, used, issued);

describe("the evidence of a secret", () => {
  it("says when, from where and how often it was used", () => {
    expect(evidence(secret("2026-11-23T11:57:00Z"), 12)).toBe(
      "was last used 3 min. ago from 10.0.0.5, 12 tokens in the last 24 hours.",
    );
  });

  it("leaves out what isn't known", () => {
    expect(evidence(secret("2026-11-23T11:57:00Z"))).toBe("was last used 3 min. ago from 10.0.0.5.");
    expect(evidence(secret("2026-11-23T11:57:00Z", null), 1)).toBe(
      "was last used 3 min. ago, 1 token in the last 24 hours.",
    );
  });

  it("says when retiring is safe", () => {
    expect(evidence(secret(null), 0)).toContain("never used — safe to retire");
    expect(evidence(secret("2026-11-22T11:00:00Z"), 0)).toContain("not used in the last 24 hours. Its last use was");
  });
});
