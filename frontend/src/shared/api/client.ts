import createClient from "openapi-fetch";
import type { components, paths } from "@/api/schema.gen";
import { ApiError, apiErrorFrom, unreachable } from "./api-error";
import { reauthentication } from "./reauthentication";

export type Schemas = components["schemas"];

const SESSION_PATH = "/v1/session";

async function fetchOrReauthenticate(request: Request): Promise<Response> {
  const again = request.clone();
  const response = await fetch(request);
  const aboutSession = new URL(request.url).pathname === SESSION_PATH;
  if (response.status !== 401 || aboutSession || !reauthentication.armed) return response;
  await reauthentication.wait();
  return fetch(again);
}

/** The only way to the service; generated from its contract. */
export const api = createClient<paths>({
  baseUrl: window.location.origin,
  fetch: fetchOrReauthenticate,
});

export interface Answer<Data> {
  data: Data;
  /** The key's version, to be sent back as If-Match; null on answers without one. */
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
    throw reason instanceof TypeError ? unreachable() : reason;
  });
  if (!response.ok) throw apiErrorFrom(response, error);
  return { data: data as Data, etag: response.headers.get("ETag") };
}

/** Whether a read is worth repeating: the service was busy or out of reach, and the next try may well succeed. */
export function isTransient(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 502 || error.status === 503);
}
