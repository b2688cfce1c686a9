import createClient from "openapi-fetch";
import type { components, paths } from "@/api/schema.gen";
import { ApiError, apiErrorFrom, UNREACHABLE, unanswered, unreachable } from "./api-error";
import { reauthentication } from "./reauthentication";

export type Schemas = components["schemas"];

const SESSION_PATH = "/v1/session";

/**
 * How long an answer may take, in milliseconds. The service waits at most 5 seconds for its database, so an answer that takes
 * this long, even on a slow connection, has been lost in the network.
 */
const ANSWER_MAX_MS = 30_000;

type Fetch = (request: Request) => Promise<Response>;

/**
 * What is known of a call that failed. A browser doesn't tell a refused connection from an answer that was lost, so only a
 * read is said not to have reached the service.
 */
function failure({ method }: Request, reason: unknown): unknown {
  if (!(reason instanceof TypeError)) return reason;
  return method === "GET" ? unreachable() : unanswered();
}

const fetchPlainly = (request: Request, init?: RequestInit) =>
  fetch(request, init).catch((reason: unknown) => {
    throw failure(request, reason);
  });

const fetchInTime: Fetch = (request) =>
  fetchPlainly(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(ANSWER_MAX_MS)]) });

function reauthenticating(fetchOnce: Fetch): Fetch {
  return async (request) => {
    const again = request.clone();
    const { completed } = reauthentication;
    const response = await fetchOnce(request);
    const aboutSession = new URL(request.url).pathname === SESSION_PATH;
    if (response.status !== 401 || aboutSession || !reauthentication.armed) return response;
    if (reauthentication.completed === completed) await reauthentication.wait();
    return fetchOnce(again);
  };
}

/** The only client for the service, typed by its contract. */
export const api = createClient<paths>({
  baseUrl: window.location.origin,
  fetch: reauthenticating(fetchInTime),
});

/** The `fetch` for calls that may take the service any amount of time. */
export const fetchPatiently = reauthenticating((request) => fetchPlainly(request));

export interface Answer<Data> {
  data: Data;
  /** The key's version, to be sent back as If-Match; null when the answer has none. */
  etag: string | null;
}

/**
 * Awaits a call of the client and returns its answer.
 *
 * @throws ApiError for every answer that isn't a success, and when there is no answer.
 */
export async function send<Data>(
  call: Promise<{ data?: Data; error?: unknown; response: Response }>,
): Promise<Answer<Data>> {
  const { data, error, response } = await call.catch((reason: unknown) => {
    const timedOut = reason instanceof DOMException && reason.name === "TimeoutError";
    const cutOff = reason instanceof TypeError || reason instanceof SyntaxError; // while its body was being read
    throw timedOut || cutOff ? unanswered() : reason;
  });
  if (!response.ok) throw apiErrorFrom(response, error);
  return { data: data as Data, etag: response.headers.get("ETag") };
}

/**
 * Whether a read is worth retrying: the service was busy or out of reach, and the next try may well succeed. A call that
 * timed out is not retried: the operator is told instead of having to wait as long again.
 */
export function isTransient(error: unknown): boolean {
  return error instanceof ApiError && (error.code === UNREACHABLE || error.status === 502 || error.status === 503);
}
