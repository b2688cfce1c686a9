import { HttpResponse, http } from "msw";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "@/shared/api/api-error";
import { reauthentication } from "@/shared/api/reauthentication";
import { testQueryClient } from "@/test/render";
import { at, server } from "@/test/server";
import { identityOf } from "./identity";
import { type Session, sessionQuery } from "./session-query";
import { watchIdentity } from "./watch-identity";

const ana: Session = {
  operator: { id: "o-ana", email: "ana@example.com", role: "admin", sign_in_method: "password" },
  tenancy: { id: "t-acme", name: "Acme" },
  expires_at: "2026-11-20T12:00:00Z",
};
const rui: Session = { ...ana, operator: { ...ana.operator, id: "o-rui", email: "rui@example.com" } };
const elsewhere: Session = { ...ana, tenancy: { id: "t-other", name: "Other" } };

const otherTab = new BroadcastChannel("apikeys-identity");
const queryClient = testQueryClient();
const startAnew = vi.fn();
let stop: () => void;

beforeEach(() => {
  startAnew.mockReset();
  queryClient.setQueryData(sessionQuery.queryKey, ana);
  reauthentication.arm();
  stop = watchIdentity(queryClient, startAnew);
});
afterEach(() => {
  stop();
  reauthentication.disarm(new ApiError({ status: 401, code: "failed" }));
});

/** Simulates a return to the page; resolves once the page has its answer. */
async function returnTo(answer: () => Response): Promise<void> {
  const answered = new Promise<void>((resolve) => {
    server.use(
      http.get(at("/v1/session"), () => {
        setTimeout(resolve, 20);
        return answer();
      }),
    );
  });
  window.dispatchEvent(new Event("focus"));
  await answered;
}

describe("a page that is drawn for an operator", () => {
  it.each([
    ["another operator signs in", identityOf(rui)],
    ["the operator signs in to another tenancy", identityOf(elsewhere)],
    ["the operator signs out", null],
  ])("starts anew when in another tab %s", async (_, identity) => {
    otherTab.postMessage(identity);
    await vi.waitFor(() => expect(startAnew).toHaveBeenCalledOnce());
  });

  it.each([
    ["operator", rui],
    ["tenancy", elsewhere],
  ])("starts anew when somebody returns to it and the session's %s is another", async (_, present) => {
    await returnTo(() => HttpResponse.json(present));
    expect(startAnew).toHaveBeenCalledOnce();
    expect(queryClient.getQueryData(sessionQuery.queryKey), "nothing is drawn for the other one").toEqual(ana);
  });

  it("goes on with a role that has changed meanwhile", async () => {
    const demoted: Session = { ...ana, operator: { ...ana.operator, role: "readonly" } };
    await returnTo(() => HttpResponse.json(demoted));
    expect(startAnew).not.toHaveBeenCalled();
    expect(queryClient.getQueryData(sessionQuery.queryKey)).toEqual(demoted);
  });

  it.each([
    ["can't be reached", () => HttpResponse.error()],
    ["is out of order", () => HttpResponse.json({ code: "service/unavailable" }, { status: 503 })],
  ])("stays as it is when the service %s", async (_, answer) => {
    await returnTo(answer);
    expect(startAnew).not.toHaveBeenCalled();
    expect(reauthentication.isRequired()).toBe(false);
  });

  it("asks to sign in again when the session has run out, and goes on when that happened in another tab", async () => {
    await returnTo(() => HttpResponse.json({ code: "failed" }, { status: 401 }));
    expect(reauthentication.isRequired()).toBe(true);
    otherTab.postMessage(identityOf(ana));
    await vi.waitFor(() => expect(reauthentication.isRequired()).toBe(false));
    expect(startAnew).not.toHaveBeenCalled();
  });

  it("doesn't ask again when the operator has signed in while it asked about the session before", async () => {
    await returnTo(() => {
      reauthentication.complete();
      return HttpResponse.json({ code: "failed" }, { status: 401 });
    });
    expect(reauthentication.isRequired()).toBe(false);
  });

  it("sends nothing that waits for the operator in the name of another", async () => {
    const sent = vi.fn();
    void reauthentication.wait().then(sent, () => undefined);
    await returnTo(() => HttpResponse.json(rui));
    expect(startAnew).toHaveBeenCalledOnce();
    expect(reauthentication.isRequired()).toBe(true);
    expect(sent).not.toHaveBeenCalled();
  });
});
