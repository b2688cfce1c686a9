import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { renderInConsole } from "@/test/render";
import { at, server } from "@/test/server";
import SecretDialog from "./secret-dialog";

const issued = { clientId: "ak_EXAMPLE", clientSecret: "aks_EXAMPLE", name: "ERP integration" };

function open() {
  const onClose = vi.fn();
  const user = userEvent.setup();
  renderInConsole(<SecretDialog issued={issued} reason="created" onClose={onClose} />);
  return { onClose, user };
}

const closeButton = () => screen.getAllByRole("button", { name: "Close" }).at(-1) ?? document.body;

const issuer = "https://keys.example.com";

beforeEach(() => {
  server.use(http.get(at("/.well-known/oauth-authorization-server"), () => HttpResponse.json({ issuer })));
});

describe("the dialog that shows a secret once", () => {
  it("asks before it closes, also on Escape, and stays when told to", async () => {
    const { onClose, user } = open();
    await user.keyboard("{Escape}");
    expect(screen.getByText("Close without the client secret?")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Go back" }));
    expect(screen.queryByText("Close without the client secret?")).not.toBeInTheDocument();
    await user.click(closeButton());
    await user.click(screen.getByRole("button", { name: "Close anyway" }));
    expect(onClose).toHaveBeenCalledOnce();
  });

  it("closes at once after the secret was copied", async () => {
    const { onClose, user } = open();
    await user.click(screen.getByRole("button", { name: "Copy client secret" }));
    expect(await navigator.clipboard.readText()).toBe("aks_EXAMPLE");
    await user.click(closeButton());
    expect(onClose).toHaveBeenCalledOnce();
  });

  it("names the issuer, wherever the console is", async () => {
    const { user } = open();
    expect(await screen.findByText(new RegExp(`^API_TOKEN_URL=${issuer}/oauth2/token`))).toBeVisible();
    await user.click(screen.getByRole("tab", { name: "cURL /auth" }));
    expect(screen.getByText(new RegExp(`'${issuer}/auth'`))).toBeVisible();
  });

  it("still asks after the client ID alone was copied", async () => {
    const { onClose, user } = open();
    await user.click(screen.getByRole("button", { name: "Copy client ID" }));
    await user.click(closeButton());
    expect(onClose).not.toHaveBeenCalled();
  });

  it("closes at once when the operator says that it is stored", async () => {
    const { onClose, user } = open();
    await user.click(screen.getByRole("checkbox", { name: "I have stored the client secret" }));
    await user.click(closeButton());
    expect(onClose).toHaveBeenCalledOnce();
  });

  it("selects the secret, and claims nothing, where the clipboard refuses", async () => {
    const { onClose, user } = open();
    vi.spyOn(navigator.clipboard, "writeText").mockRejectedValue(new DOMException("denied", "NotAllowedError"));
    await user.click(screen.getByRole("button", { name: "Copy client secret" }));
    expect(window.getSelection()?.toString()).toBe("aks_EXAMPLE");
    expect(screen.queryByText("Copied")).not.toBeInTheDocument();
    await user.click(closeButton());
    expect(onClose).not.toHaveBeenCalled();
  });
});
