import i18next from "i18next";
import { describe, expect, it } from "vitest";
import { addLanguage } from "@/test/language";
import { ApiError, unanswered, unreachable } from "./api-error";
import { problemMessage, rejectedFields, reportableRequestId } from "./problem-message";

const t = i18next.t;

describe("a problem's text", () => {
  it("follows the code, not the service's English", () => {
    const error = new ApiError({ status: 409, code: "api-key/name-taken", detail: "whatever" });
    expect(problemMessage(t, error)).toBe("Another API key has this name.");
  });

  it("says how long to wait", async () => {
    const wait = (retryAfterSeconds: number) =>
      new ApiError({ status: 429, code: "rate-limit/exceeded", retryAfterSeconds });
    expect(problemMessage(t, wait(30))).toBe("Too many attempts. Try again in 30 seconds.");
    expect(problemMessage(t, wait(3540))).toBe("Too many attempts. Try again in 59 minutes.");
    const portuguese = await addLanguage(i18next, "pt-BR");
    expect(problemMessage(portuguese.t, wait(3600))).toBe("Tentativas demais. Tente novamente em 1 hora.");
  });

  it("warns that what got no answer may have been done, in both languages", async () => {
    expect(problemMessage(t, unanswered())).toContain("The service did not answer");
    expect(problemMessage((await addLanguage(i18next, "pt-BR")).t, unanswered())).toContain("não respondeu");
  });

  it("exists for an unreachable service, for unknown codes and for faults of the console", () => {
    expect(problemMessage(t, unreachable())).toContain("can’t be reached");
    expect(problemMessage(t, new ApiError({ status: 418, code: "teapot" }))).toContain("unexpected");
    expect(problemMessage(t, new Error("bug"))).toContain("unexpected");
  });
});

it("a request id is worth quoting for faults of the service only", () => {
  expect(reportableRequestId(new ApiError({ status: 500, code: "internal/error", requestId: "r1" }))).toBe("r1");
  expect(
    reportableRequestId(new ApiError({ status: 409, code: "api-key/name-taken", requestId: "r1" })),
  ).toBeUndefined();
});

it("rejected members become the form's fields, each once", () => {
  const error = new ApiError({
    status: 400,
    code: "bad-request/invalid-parameters",
    fieldErrors: [
      { field: "scopes.0", message: "unknown" },
      { field: "scopes.1", message: "unknown" },
      { field: "elsewhere", message: "bad" },
    ],
  });
  const fieldOf = (path: string) => (path.startsWith("scopes") ? ("scopes" as const) : undefined);
  expect(rejectedFields(error, fieldOf)).toEqual(["scopes"]);
});
