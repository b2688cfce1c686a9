import { act, fireEvent, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { delay, HttpResponse, http } from "msw";
import { beforeEach, expect, it, vi } from "vitest";
import ChangePasswordDialog from "@/features/account/change-password-dialog";
import DeleteDialog from "@/features/api-keys/actions/delete-dialog";
import RotateDialog from "@/features/api-keys/actions/rotate-dialog";
import type { Operator } from "@/features/operators/api/operators";
import { InviteDialog } from "@/features/operators/invite-dialog";
import { RoleDialog } from "@/features/operators/role-dialog";
import { SessionsDialog } from "@/features/operators/sessions-dialog";
import { SignInForm } from "@/features/session/sign-in-form";
import { apiKey } from "@/test/fixtures";
import { renderInConsole } from "@/test/render";
import { at, server } from "@/test/server";

const operator: Operator = {
  id: "op_EXAMPLE",
  email: "eva@example.com",
  role: "editor",
  sign_in_method: "password",
  status: "active",
  created_at: "2026-11-20T12:00:00Z",
  updated_at: "2026-11-20T12:00:00Z",
  invitation_expires_at: null,
};

const session = { started_at: "2026-11-20T12:00:00Z", last_seen_at: "2026-11-20T12:00:00Z", ip: "", user_agent: "" };

beforeEach(() => {
  const never = async () => {
    await delay("infinite");
  };
  server.use(
    http.get(at("/v1/api-keys/ak_EXAMPLE"), () => HttpResponse.json(apiKey())),
    http.get(at("/v1/api-keys/ak_EXAMPLE/usage"), () => new HttpResponse(null, { status: 503 })),
    http.get(at("/v1/operators/op_EXAMPLE/sessions"), () => HttpResponse.json({ items: [session] })),
    http.delete("*", never),
    http.patch("*", never),
    http.post("*", never),
  );
});

const onClose = vi.fn();

function fillPasswords() {
  for (const field of ["Current password", "New password", /Repeat/]) {
    fireEvent.change(screen.getByLabelText(field), { target: { value: "a password of enough length" } });
  }
}

const changes = [
  {
    what: "a key is deleted",
    dialog: <DeleteDialog apiKey={apiKey()} onClose={onClose} onDeleted={vi.fn()} />,
    press: "Delete API key",
  },
  {
    what: "a password is changed",
    dialog: <ChangePasswordDialog onClose={onClose} />,
    fill: fillPasswords,
    press: "Change password",
  },
  {
    what: "a role is changed",
    dialog: <RoleDialog operator={operator} own={false} onClose={onClose} />,
    fill: () => fireEvent.click(screen.getByRole("radio", { name: /Admin/ })),
    press: "Save",
  },
  {
    what: "sessions are ended",
    dialog: <SessionsDialog operator={operator} own={false} onClose={onClose} />,
    fill: () => screen.findByRole("list", { name: "Sessions" }),
    press: "Sign out everywhere",
  },
];

it.each(changes)("a dialog can't be left while $what", async ({ dialog, fill, press }) => {
  const user = userEvent.setup();
  renderInConsole(dialog);
  await fill?.();
  await user.click(screen.getByRole("button", { name: press }));
  for (const way of screen.getAllByRole("button", { name: /Cancel|Close/ })) expect(way).toBeDisabled();
  await user.keyboard("{Escape}");
  expect(onClose).not.toHaveBeenCalled();
});

const forms = [
  {
    what: "an operator is invited",
    dialog: <InviteDialog onClose={onClose} onInvited={vi.fn()} />,
    fill: () => fireEvent.change(screen.getByLabelText("Email"), { target: { value: "rui@example.com" } }),
    press: "Invite operator",
  },
  {
    what: "a secret is rotated",
    dialog: <RotateDialog apiKey={apiKey()} onClose={onClose} onIssued={vi.fn()} />,
    press: "Generate new client secret",
  },
  {
    what: "somebody signs in",
    dialog: <SignInForm email="eva@example.com" onSignedIn={vi.fn()} />,
    fill: () => fireEvent.change(screen.getByLabelText("Password"), { target: { value: "a password" } }),
    press: "Sign in",
  },
];

it.each([...changes, ...forms])("one request is made when $what, however often in one tick", async (change) => {
  const { queryClient } = renderInConsole(change.dialog);
  await change.fill?.();
  const button = screen.getByRole("button", { name: change.press });
  act(() => {
    button.click();
    button.click();
  });
  expect(queryClient.isMutating()).toBe(1);
});
