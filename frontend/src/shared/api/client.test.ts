import { HttpResponse, http } from "msw";
import { afterEach, describe, expect, it } from "vitest";
import { apiKey } from "@/test/fixtures";
import { at, server } from "@/test/server";
import { ApiError, UNANSWERED, UNREACHABLE } from "./api-error";
import { api, send } from "./client";
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
