import { describe, expect, it } from "vitest";
import { passwordProblem } from "./new-password";

describe("a new password", () => {
  it.each([
    ["eleven-long", "short"],
    ["🔑".repeat(11), "short"],
    ["x".repeat(257), "long"],
  ])("%s is refused", (password, problem) => {
    expect(passwordProblem(password, password)).toBe(problem);
  });

  it("must be repeated the same", () => {
    expect(passwordProblem("twelve-chars", "twelve-chars ")).toBe("different");
    expect(passwordProblem("twelve-chars", "twelve-chars")).toBeUndefined();
  });
});
