import { screen } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { sessionQuery } from "@/features/session/session-query";
import { event, session } from "@/test/fixtures";
import { renderInConsole, testQueryClient } from "@/test/render";
import { at, server } from "@/test/server";
import { KeyHistory } from "./key-history";

it("calls the key by its name, and asks for no other", async () => {
  const deactivated = event({ action: "api-key.deactivated" });
  const asked: string[] = [];
  server.use(
    http.get(at("/v1/events"), () => HttpResponse.json({ items: [deactivated], meta: { next_before: null } })),
    http.get(at("/v1/*"), ({ request }) => {
      asked.push(new URL(request.url).pathname);
      return HttpResponse.json({ code: "unknown" }, { status: 403 });
    }),
  );
  const queryClient = testQueryClient();
  queryClient.setQueryData(sessionQuery.queryKey, session);
  renderInConsole(<KeyHistory clientId="ak_EXAMPLE" name="ERP integration" />, queryClient);
  expect(await screen.findByRole("listitem")).toHaveTextContent(
    "ana@example.com deactivated the API key ERP integration",
  );
  expect(asked).toEqual(["/v1/operators"]);
});
