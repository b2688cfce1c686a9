import { delay, HttpResponse, http } from "msw";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { apiKey } from "@/test/fixtures";
import { gate } from "@/test/gate";
import { at, server } from "@/test/server";
import { ApiError, UNANSWERED, UNREACHABLE, unanswered, unreachable } from "./api-error";
import { api, isTransient, send } from "./client";
import { reauthentication } from "./reauthentication";

const left = new ApiError({ status: 401, code: "failed" });
const getKey = () => send(api.GET("/v1/api-keys/{client_id}", { params: { path: { client_id: "ak_EXAMPLE" } } }));

afterEach(() => reauthentication.disarm(left));

describe("a call", () => {
  it("returns the data and the version", async () => {
    server.use(
      http.get(at("/v1/api-keys/ak_EXAMPLE"), () => HttpResponse.json(apiKey(), { headers: { ETag: '"7"' } })),
    );
    expect(await getKey()).toEqual({ data: apiKey(), etag: '"7"' });
  });

  it("throws the problem with its code, fields and request id", async () => {
    const problem = {
      status: 400,
      code: "bad-request/invalid-parameters",
      errors: [{ field: "name", message: "long" }],
    };
    server.use(
      http.get(at("/v1/api-keys/ak_EXAMPLE"), () =>
        HttpResponse.json(problem, { status: 400, headers: { "X-Request-Id": "r1", "Retry-After": "30" } }),
      ),
    );
    await expect(getKey()).rejects.toMatchObject({
      status: 400,
      code: "bad-request/invalid-parameters",
      fieldErrors: [{ field: "name", message: "long" }],
      requestId: "r1",
      retryAfterSeconds: 30,
    });
  });

  it("survives an answer that is no problem document", async () => {
    server.use(http.get(at("/v1/api-keys/ak_EXAMPLE"), () => HttpResponse.text("<html>", { status: 502 })));
    await expect(getKey()).rejects.toMatchObject({ status: 502, code: UNANSWERED, fieldErrors: [] });
  });

  it("says when the service can't be reached", async () => {
    server.use(http.get(at("/v1/api-keys/ak_EXAMPLE"), () => HttpResponse.error()));
    await expect(getKey()).rejects.toMatchObject({ status: 0, code: UNREACHABLE });
  });
});

describe("a change without an answer", () => {
  it.each([
    ["whose connection was refused or lost", () => HttpResponse.error()],
    ["whose answer was cut off", () => new HttpResponse('{"client_id":"ak_', { status: 201 })],
  ])("%s is said to have been made perhaps", async (_what, answer) => {
    server.use(http.post(at("/v1/api-keys/ak_EXAMPLE/rotate-secret"), answer));
    const params = { path: { client_id: "ak_EXAMPLE" } };
    const call = send(
      api.POST("/v1/api-keys/{client_id}/rotate-secret", { params, body: { grace_period_seconds: 0 } }),
    );
    await expect(call).rejects.toMatchObject({ status: 0, code: UNANSWERED });
  });
});

describe("a call that the network swallows", () => {
  const limit = { pass: () => {} };
  let arrived: Promise<void>;

  beforeEach(() => {
    const controller = new AbortController();
    limit.pass = () => controller.abort(new DOMException("signal timed out", "TimeoutError"));
    vi.spyOn(AbortSignal, "timeout").mockReturnValue(controller.signal);
    const arrival = gate();
    arrived = arrival.opened;
    server.use(
      http.get(at("/v1/api-keys/ak_EXAMPLE"), async () => {
        arrival.open();
        await delay("infinite");
      }),
    );
  });

  it("ends after half a minute, and says that no answer came", async () => {
    const call = expect(getKey()).rejects.toMatchObject({ status: 0, code: UNANSWERED });
    await arrived;
    expect(AbortSignal.timeout).toHaveBeenCalledExactlyOnceWith(30_000);
    limit.pass();
    await call;
  });

  it("can be given up before by whoever made it, which is no problem of the service", async () => {
    const caller = new AbortController();
    const params = { path: { client_id: "ak_EXAMPLE" } };
    const call = expect(
      send(api.GET("/v1/api-keys/{client_id}", { params, signal: caller.signal })),
    ).rejects.toMatchObject({ name: "AbortError" });
    await arrived;
    caller.abort();
    await call;
  });

  it("is not repeated by itself, as one is that fails at once", () => {
    expect(isTransient(unanswered())).toBe(false);
    expect(isTransient(unreachable())).toBe(true);
    expect(isTransient(new ApiError({ status: 502, code: UNANSWERED }))).toBe(true);
  });
});

describe("an expired session", () => {
  it("is an error while nobody has signed in", async () => {
    server.use(http.get(at("/v1/api-keys/ak_EXAMPLE"), () => HttpResponse.json({ code: "failed" }, { status: 401 })));
    await expect(getKey()).rejects.toMatchObject({ status: 401, code: "failed" });
  });

  it("holds the call until the operator has signed in again, and repeats it with its body", async () => {
    let signedIn = false;
    const bodies: unknown[] = [];
    server.use(
      http.patch(at("/v1/api-keys/ak_EXAMPLE"), async ({ request }) => {
        bodies.push(await request.json());
        return signedIn ? HttpResponse.json(apiKey()) : HttpResponse.json({ code: "failed" }, { status: 401 });
      }),
    );
    reauthentication.arm();
    const required = new Promise<void>((resolve) => {
      const stop = reauthentication.subscribe(() => {
        stop();
        resolve();
      });
    });
    const answer = send(
      api.PATCH("/v1/api-keys/{client_id}", {
        params: { path: { client_id: "ak_EXAMPLE" } },
        body: { name: "new" },
      }),
    );
    await required;
    expect(reauthentication.isRequired()).toBe(true);
    signedIn = true;
    reauthentication.complete();
    expect((await answer).data).toEqual(apiKey());
    expect(bodies).toEqual([{ name: "new" }, { name: "new" }]);
    expect(reauthentication.isRequired()).toBe(false);
  });

  it("is not asked for again by an answer that is late, of what was sent before the operator signed in again", async () => {
    let sent = 0;
    server.use(
      http.get(at("/v1/api-keys/ak_EXAMPLE"), () => {
        sent++;
        if (sent > 1) return HttpResponse.json(apiKey());
        reauthentication.complete();
        return HttpResponse.json({ code: "failed" }, { status: 401 });
      }),
    );
    reauthentication.arm();
    const stop = reauthentication.subscribe(() => reauthentication.isRequired() && reauthentication.disarm(left));
    expect((await getKey()).data).toEqual(apiKey());
    stop();
  });

  it("fails the call when the operator leaves instead", async () => {
    server.use(http.get(at("/v1/api-keys/ak_EXAMPLE"), () => HttpResponse.json({ code: "failed" }, { status: 401 })));
    reauthentication.arm();
    const stop = reauthentication.subscribe(() => {
      stop();
      reauthentication.disarm(left);
    });
    await expect(getKey()).rejects.toBe(left);
  });
});
