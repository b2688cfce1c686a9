export const PASSWORD_MIN = 12;
export const PASSWORD_MAX = 256;

export type PasswordProblem = "short" | "long" | "different";

/** What keeps a new password from being sent: its length in characters, or that it was not repeated the same. */
export function passwordProblem(password: string, repeated: string): PasswordProblem | undefined {
  const length = [...password].length;
  if (length < PASSWORD_MIN) return "short";
  if (length > PASSWORD_MAX) return "long";
  return password === repeated ? undefined : "different";
}
