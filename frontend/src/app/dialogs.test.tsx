import { act, fireEvent, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { delay, HttpResponse, http } from "msw";
import { beforeEach, expect, it, vi } from "vitest";
import ChangePasswordDialog from "@/features/account/change-password-dialog";
import { InvitationPage } from "@/features/account/invitation-page";
import { invitationToken } from "@/features/account/invitation-token";
import DeleteDialog from "@/features/api-keys/actions/delete-dialog";
import { RetireDialog } from "@/features/api-keys/actions/retire-dialog";
import RotateDialog from "@/features/api-keys/actions/rotate-dialog";
import { CancelRotationDialog } from "@/features/api-keys/detail/cancel-rotation-dialog";
import { RevokeTokensDialog } from "@/features/api-keys/detail/revoke-tokens-dialog";
import SecretDialog from "@/features/api-keys/secret/secret-dialog";
import { DeactivateDialog } from "@/features/operators/deactivate-dialog";
import { InviteDialog } from "@/features/operators/invite-dialog";
import { LinkDialog } from "@/features/operators/link-dialog";
import { RemoveDialog } from "@/features/operators/remove-dialog";
import { RoleDialog } from "@/features/operators/role-dialog";
import { SessionsDialog } from "@/features/operators/sessions-dialog";
import { SignInForm } from "@/features/session/sign-in-form";
import { apiKey, operator, secret } from "@/test/fixtures";
import { renderInConsole } from "@/test/render";
import { at, server } from "@/test/server";

const eva = operator();

const current = secret("sec_NEW1", null);
const old = secret("sec_OLD1", "2036-11-21T12:00:00Z");
const rotated = apiKey({ client_id: "ak_ROTATED", secrets: [current, old] });

const session = { started_at: "2026-11-20T12:00:00Z", last_seen_at: "2026-11-20T12:00:00Z", ip: "", user_agent: "" };

beforeEach(() => {
  const never = async () => {
    await delay("infinite");
  };
  server.use(
    http.get(at("/v1/api-keys/ak_EXAMPLE"), () => HttpResponse.json(apiKey())),
    http.get(at("/v1/api-keys/ak_ROTATED"), () => HttpResponse.json(rotated)),
    http.get(at("/v1/api-keys/:key/usage"), () => new HttpResponse(null, { status: 503 })),
    http.get(at("/.well-known/oauth-authorization-server"), () => new HttpResponse(null, { status: 503 })),
    http.get(at("/v1/operators/op_EXAMPLE/sessions"), () => HttpResponse.json({ items: [session] })),
    http.delete("*", never),
    http.patch("*", never),
    http.post("*", never),
  );
});

const onClose = vi.fn();

function fillPasswords() {
  for (const field of screen.getAllByLabelText(/^(Current|New|Repeat the new) password$/)) {
    fireEvent.change(field, { target: { value: "a password of enough length" } });
  }
}

/** Waits for a button that can be used once the key has been read again. */
const enabled = (name: string) => () => waitFor(() => expect(screen.getByRole("button", { name })).toBeEnabled());

const changes = [
  {
    what: "a key is deleted",
    dialog: <DeleteDialog apiKey={apiKey()} onClose={onClose} onDeleted={vi.fn()} />,
    fill: enabled("Delete API key"),
    press: "Delete API key",
  },
  {
    what: "a key's tokens are revoked",
    dialog: <RevokeTokensDialog apiKey={apiKey()} onClose={onClose} />,
    press: "Revoke issued tokens",
  },
  {
    what: "an old secret is retired",
    dialog: <RetireDialog clientId="ak_ROTATED" secret={old} onClose={onClose} />,
    press: "Retire now",
  },
  {
    what: "a rotation is taken back",
    dialog: <CancelRotationDialog clientId="ak_ROTATED" old={old} current={current} onClose={onClose} />,
    press: "Keep the old one",
  },
  {
    what: "a password is changed",
    dialog: <ChangePasswordDialog onClose={onClose} />,
    fill: fillPasswords,
    press: "Change password",
  },
  {
    what: "a role is changed",
    dialog: <RoleDialog operator={eva} own={false} onClose={onClose} />,
    fill: () => fireEvent.click(screen.getByRole("radio", { name: /Admin/ })),
    press: "Save",
  },
  {
    what: "sessions are ended",
    dialog: <SessionsDialog operator={eva} own={false} onClose={onClose} />,
    fill: () => screen.findByRole("list", { name: "Sessions" }),
    press: "Sign out everywhere",
  },
  {
    what: "an operator is deactivated",
    dialog: <DeactivateDialog operator={eva} own={false} onClose={onClose} />,
    press: "Deactivate",
  },
  {
    what: "an operator is removed",
    dialog: <RemoveDialog operator={eva} own={false} onClose={onClose} />,
    press: "Remove",
  },
];

it.each(changes)("a dialog can't be left while $what", async ({ dialog, fill, press }) => {
  const user = userEvent.setup();
  renderInConsole(dialog);
  await fill?.();
  await user.click(screen.getByRole("button", { name: press }));
  for (const way of screen.getAllByRole("button", { name: /Cancel|Close|Go back|Generate/ })) {
    expect(way).toBeDisabled();
  }
  await user.keyboard("{Escape}");
  expect(onClose).not.toHaveBeenCalled();
});

function fillEmail() {
  fireEvent.change(screen.getByLabelText("Email"), { target: { value: "rui@example.com" } });
}

const forms = [
  {
    what: "an operator is invited",
    dialog: <InviteDialog onClose={onClose} onInvited={vi.fn()} />,
    fill: fillEmail,
    press: "Invite operator",
  },
  {
    what: "a secret is rotated",
    dialog: <RotateDialog apiKey={apiKey()} onClose={onClose} onIssued={vi.fn()} />,
    fill: enabled("Generate new client secret"),
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

const invited = { email: "rui@example.com", token: "token", expiresAt: null };
const issued = { clientId: "ak_EXAMPLE", clientSecret: "aks_EXAMPLE", name: "ERP integration" };

it.each([
  {
    what: "a role",
    dialog: <RoleDialog operator={eva} own={false} onClose={onClose} />,
    start: { role: "radio", name: /^Editor/ },
  },
  {
    what: "a rotation",
    dialog: <RotateDialog apiKey={apiKey()} onClose={onClose} onIssued={vi.fn()} />,
    start: { role: "radio", name: /24 hours/ },
  },
  {
    what: "a rotation beside another",
    dialog: <RotateDialog apiKey={rotated} onClose={onClose} onIssued={vi.fn()} />,
    start: { role: "radio", name: /^Replace now/ },
  },
  {
    what: "a secret",
    dialog: <SecretDialog issued={issued} reason="created" onClose={onClose} />,
    start: { role: "button", name: "Copy client secret" },
  },
  {
    what: "a link",
    dialog: <LinkDialog issued={invited} reason="invited" onClose={onClose} />,
    start: { role: "button", name: "Copy link" },
  },
])("the focus of a dialog about $what starts where it goes on", async ({ dialog, start }) => {
  renderInConsole(dialog);
  await waitFor(() => expect(screen.getByRole(start.role, { name: start.name })).toHaveFocus());
});

/** Presses a button after the focus has moved into the dialog, if there is one. */
async function pressFocused(name: string) {
  const dialog = screen.queryByRole("dialog");
  if (dialog) await waitFor(() => expect(dialog.contains(document.activeElement)).toBe(true));
  await userEvent.click(screen.getByRole("button", { name }));
}

const password = <ChangePasswordDialog onClose={onClose} />;
const invitation = <InviteDialog onClose={onClose} onInvited={vi.fn()} />;
const signIn = <SignInForm onSignedIn={vi.fn()} />;
const link = <InvitationPage onDone={vi.fn()} />;

it.each([
  { what: "no password", form: password, press: "Change password", field: "Current password" },
  { what: "no email", form: invitation, press: "Invite operator", field: "Email" },
  { what: "no email to sign in with", form: signIn, press: "Sign in", field: "Email" },
  { what: "no password to sign in with", form: signIn, fill: fillEmail, press: "Sign in", field: "Password" },
  { what: "a short new password", form: link, press: "Set password", field: "New password" },
])("the focus goes to the field when there is $what", async ({ form, fill, press, field }) => {
  invitationToken.hold("token");
  renderInConsole(form);
  fill?.();
  await pressFocused(press);
  await waitFor(() => expect(screen.getByLabelText(field)).toHaveFocus());
  expect(screen.getByLabelText(field)).toBeInvalid();
});

it.each([
  {
    what: "a wrong password",
    form: password,
    fill: fillPasswords,
    press: "Change password",
    error: "current_password",
    field: "Current password",
  },
  {
    what: "a new password of one's own",
    form: password,
    fill: fillPasswords,
    press: "Change password",
    error: "new_password",
    field: "New password",
  },
  {
    what: "a taken email",
    form: invitation,
    fill: fillEmail,
    press: "Invite operator",
    error: "email",
    field: "Email",
  },
  {
    what: "a new password",
    form: link,
    fill: fillPasswords,
    press: "Set password",
    error: "password",
    field: "New password",
  },
])(
  "the focus goes to the field when $what is refused, and it is wrong until it is changed",
  async ({ form, fill, press, error, field }) => {
    const refusal = { code: "bad-request/invalid-parameters", errors: [{ field: error, message: "is refused" }] };
    server.use(http.post("*", () => HttpResponse.json(refusal, { status: 400 })));
    invitationToken.hold("token");
    renderInConsole(form);
    fill();
    await pressFocused(press);
    const refused = screen.getByLabelText(field);
    await waitFor(() => expect(refused).toHaveFocus());
    expect(refused).toBeInvalid();
    for (const each of [refused, ...screen.queryAllByLabelText("Repeat the new password")]) {
      fireEvent.change(each, { target: { value: "another.of.enough.length@example.com" } });
    }
    expect(refused).toBeValid();
  },
);
