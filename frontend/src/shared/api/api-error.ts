import type { components } from "@/api/schema.gen";

export type FieldError = components["schemas"]["FieldError"];

interface ApiErrorInit {
  status: number;
  code: string;
  detail?: string;
  fieldErrors?: FieldError[];
  requestId?: string | undefined;
  retryAfterSeconds?: number | undefined;
}

/** The code of a read without an answer: the network or the service is down. */
export const UNREACHABLE = "network/unreachable";

/**
 * The code of a change without an answer, and of any call that was not answered in time, not completely, or by something else,
 * such as a proxy: whether the service carried it out is unknown.
 */
export const UNANSWERED = "network/unanswered";

/** What every call of the client throws. Compare `code`, which is stable; the other texts are not. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly code: string;
  readonly fieldErrors: readonly FieldError[];
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(init: ApiErrorInit) {
    super(init.detail ?? init.code);
    this.status = init.status;
    this.code = init.code;
    this.fieldErrors = init.fieldErrors ?? [];
    this.requestId = init.requestId;
    this.retryAfterSeconds = init.retryAfterSeconds;
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isFieldError(value: unknown): value is FieldError {
  return isRecord(value) && typeof value.field === "string" && typeof value.message === "string";
}

/**
 * Reads a problem document (RFC 9457). Any other body, such as the error page of a proxy in front of the service, yields an
 * error with the response's status and a generic code.
 */
export function apiErrorFrom(response: Response, body: unknown): ApiError {
  const retryAfter = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const problem = isRecord(body) ? body : {};
  return new ApiError({
    status: response.status,
    code: typeof problem.code === "string" ? problem.code : response.status >= 500 ? UNANSWERED : "unknown",
    ...(typeof problem.detail === "string" && { detail: problem.detail }),
    fieldErrors: Array.isArray(problem.errors) ? problem.errors.filter(isFieldError) : [],
    requestId: response.headers.get("X-Request-Id") ?? undefined,
    retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : undefined,
  });
}

export function unreachable(): ApiError {
  return new ApiError({ status: 0, code: UNREACHABLE });
}

export function unanswered(): ApiError {
  return new ApiError({ status: 0, code: UNANSWERED });
}
