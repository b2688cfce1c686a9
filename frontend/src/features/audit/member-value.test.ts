import i18next from "i18next";
import { describe, expect, it } from "vitest";
import type { Format } from "@/shared/i18n/use-format";
import { addLanguage } from "@/test/language";
import { memberLabel, memberLines } from "./member-value";

const format = { dateTime: (at: string) => `<${at}>`, number: (value: number) => String(value) } as unknown as Format;
const lines = (member: string, value: unknown) => memberLines(i18next.t, format, "operator", member, value);

describe("a member's value", () => {
  it.each([
    ["name", "ERP", ["ERP"]],
    ["description", "", ["(empty)"]],
    ["description", undefined, []],
    ["role", "readonly", ["Read-only"]],
    ["status", "deactivated", ["Deactivated"]],
    ["scopes", ["a", "b"], ["a", "b"]],
    ["generation", 2, ["2"]],
    ["token_lifespan", { value: 30, unit: "minutes" }, ["30 minutes"]],
    ["rate_limit", 120, ["120 token requests per minute"]],
    ["rate_limit", null, ["The service’s default"]],
    ["rate_limit", undefined, []],
    ["not_before", "2026-11-23T12:00:00Z", ["<2026-11-23T12:00:00Z>"]],
    ["retires", { OLD: "2026-11-23T12:00:00Z" }, ["OLD: <2026-11-23T12:00:00Z>"]],
    ["novelty", true, ["true"]],
  ])("of %s is told in words", (member, value, told) => {
    expect(lines(member, value)).toEqual(told);
  });

  it.each([
    ["api-key", "active", "Ativa"],
    ["api-key", "inactive", "Inativa"],
    ["operator", "active", "Ativo"],
    ["operator", "deactivated", "Desativado"],
    ["novelty", "active", "active"],
  ])("that is the status of %s has its gender: %s", async (kind, status, told) => {
    const { t } = await addLanguage(i18next, "pt-BR");
    expect(memberLines(t, format, kind, "status", status)).toEqual([told]);
  });

  it("tells secrets by their last characters", () => {
    const secrets = [
      { id: "1", last_four: "aB3d" },
      { id: "2", last_four: "xY7z", expires_at: "2026-11-23T12:00:00Z" },
    ];
    expect(lines("secrets", secrets)).toEqual(["ending in aB3d", "ending in xY7z, until <2026-11-23T12:00:00Z>"]);
  });

  it("stands under a name that people know, else under its own", () => {
    expect(memberLabel(i18next.t, "token_lifespan")).toBe("Token lifespan");
    expect(memberLabel(i18next.t, "novelty")).toBe("novelty");
  });
});
