export const PASSWORD_MIN = 12;
export const PASSWORD_MAX = 256;

export type PasswordProblem = "short" | "long" | "different";

/** Why a new password can't be sent: its length in characters, or because the two entries differ. */
export function passwordProblem(password: string, repeated: string): PasswordProblem | undefined {
  const length = [...password].length;
  if (length < PASSWORD_MIN) return "short";
  if (length > PASSWORD_MAX) return "long";
  return password === repeated ? undefined : "different";
}
