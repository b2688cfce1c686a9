import { act, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { ApiError } from "@/shared/api/api-error";
import { chooseLanguage } from "@/shared/i18n/i18n";
import { catalogue } from "@/test/fixtures";
import { renderInConsole } from "@/test/render";
import { at, server } from "@/test/server";
import { KeyFields } from "./key-fields";
import { emptyValues, type KeyValues } from "./key-values";
import { useKeyForm } from "./use-key-form";

interface FormProps {
  onSubmit: (values: KeyValues) => void;
  /** The service's error; `onRejected` receives whether all of it is shown next to fields. */
  error?: ApiError;
  onRejected: (shown: boolean) => void;
}

function Form({ onSubmit, error, onRejected }: FormProps) {
  const keyForm = useKeyForm(emptyValues);
  return (
    <>
      <KeyFields keyForm={keyForm} pending={false} onSubmit={onSubmit} onCancel={() => undefined} />
      {error && (
        <button type="button" onClick={() => onRejected(keyForm.showRejected(error))}>
          reject
        </button>
      )}
    </>
  );
}

async function open(error?: ApiError) {
  const onSubmit = vi.fn();
  const onRejected = vi.fn();
  const user = userEvent.setup();
  renderInConsole(<Form onSubmit={onSubmit} onRejected={onRejected} {...(error && { error })} />);
  await screen.findByRole("checkbox", { name: "CCA: Admin" });
  return { onSubmit, onRejected, user };
}

beforeEach(() => server.use(http.get(at("/v1/scopes"), () => HttpResponse.json(catalogue))));

describe("the form of a key", () => {
  it("re-checks the lifespan when the unit changes, and forgives when it fits again", async () => {
    const { user } = await open();
    await user.clear(screen.getByLabelText("Value"));
    await user.type(screen.getByLabelText("Value"), "30");
    await user.tab();
    expect(screen.getByLabelText("Value")).toBeInvalid();
    await user.click(screen.getByRole("radio", { name: "Minutes" }));
    expect(screen.getByLabelText("Value")).toBeValid();
    await user.click(screen.getByRole("radio", { name: "Hours" }));
    expect(screen.getByLabelText("Value")).toBeInvalid();
    expect(screen.getByText("A whole number of hours from 1 to 24.")).toBeVisible();
  });

  async function submitLifespan(typed: string) {
    const { onSubmit, user } = await open();
    await user.type(screen.getByRole("textbox", { name: /^Name/ }), "Billing");
    await user.click(screen.getByRole("checkbox", { name: "CCA: Admin" }));
    await user.clear(screen.getByLabelText("Value"));
    await user.type(screen.getByLabelText("Value"), `${typed}{Enter}`);
    return onSubmit;
  }

  it("takes a lifespan with zeros in front for the number that it is", async () => {
    const onSubmit = await submitLifespan("05");
    expect(onSubmit.mock.calls[0]?.[0]).toMatchObject({ lifespanValue: 5 });
  });

  it.each(["", "0", "00", "25"])("refuses %j as a lifespan in hours", async (typed) => {
    expect(await submitLifespan(typed)).not.toHaveBeenCalled();
    expect(screen.getByLabelText("Value")).toBeInvalid();
  });

  it("names what is missing and moves the focus there", async () => {
    const { onSubmit, user } = await open();
    await user.click(screen.getByRole("button", { name: "Save" }));
    expect(onSubmit).not.toHaveBeenCalled();
    expect(screen.getByText("Enter a name.")).toBeVisible();
    expect(screen.getByText("Select at least one scope.")).toBeVisible();
    expect(screen.getByRole("textbox", { name: /^Name/ })).toHaveFocus();
    expect(screen.getByRole("textbox", { name: /^Name/ })).toBeRequired();
  });

  it("says what is wrong in the language that is chosen since", async () => {
    const { user } = await open();
    onTestFinished(() => chooseLanguage("en"));
    await user.click(screen.getByRole("button", { name: "Save" }));
    await act(() => chooseLanguage("pt-BR"));
    expect(screen.getByText("Informe um nome.")).toBeVisible();
    expect(screen.getByText("Selecione pelo menos um escopo.")).toBeVisible();
  });

  it("selects a group's scopes at once and submits them", async () => {
    const { onSubmit, user } = await open();
    await user.type(screen.getByRole("textbox", { name: /^Name/ }), "Billing");
    await user.click(screen.getByRole("checkbox", { name: "All of Lighthouse: Read-only" }));
    expect(screen.getByRole("checkbox", { name: "Lighthouse, Forecast: Read-only" })).toBeChecked();
    await user.click(screen.getByRole("button", { name: "Save" }));
    expect(onSubmit.mock.calls[0]?.[0]).toEqual({
      ...emptyValues,
      name: "Billing",
      scopes: ["lighthouse.workspaces:readonly", "lighthouse.forecast:readonly"],
    });
  });

  it("takes a rate limit in its bounds, and none", async () => {
    const { onSubmit, user } = await open();
    const limit = screen.getByRole("textbox", { name: "Rate limit" });
    await user.type(limit, "100001");
    await user.tab();
    expect(limit).toBeInvalid();
    expect(limit).toHaveAccessibleDescription(/A whole number from 1 to 100,000, or empty/);
    await user.clear(limit);
    await user.type(limit, "120");
    await user.type(screen.getByRole("textbox", { name: /^Name/ }), "Billing");
    await user.click(screen.getByRole("checkbox", { name: "CCA: Admin" }));
    await user.click(screen.getByRole("button", { name: "Save" }));
    expect(onSubmit.mock.calls[0]?.[0]).toMatchObject({ rateLimit: 120 });
    await user.clear(limit);
    await user.click(screen.getByRole("button", { name: "Save" }));
    expect(onSubmit.mock.calls[1]?.[0]).toMatchObject({ rateLimit: "" });
  });

  it("finds scopes by their words", async () => {
    const { user } = await open();
    await user.type(screen.getByRole("searchbox", { name: "Search products and features" }), "fore");
    expect(screen.getByRole("checkbox", { name: "Lighthouse, Forecast: Editor" })).toBeVisible();
    expect(screen.queryByRole("checkbox", { name: "CCA: Admin" })).not.toBeInTheDocument();
  });

  it("puts what only the service finds at its field", async () => {
    const { onRejected, user } = await open(
      new ApiError({
        status: 409,
        code: "api-key/name-taken",
        fieldErrors: [{ field: "name", message: "is taken by another API key" }],
      }),
    );
    await user.click(screen.getByRole("button", { name: "reject" }));
    expect(screen.getByRole("textbox", { name: /^Name/ })).toBeInvalid();
    expect(screen.getByRole("textbox", { name: /^Name/ })).toHaveFocus();
    expect(screen.getByText("Another API key has this name. Choose another one.")).toBeVisible();
    expect(onRejected).toHaveBeenCalledExactlyOnceWith(true);
  });

  it.each([
    ["in part", ["name", "novelty"]],
    ["at all", ["novelty"]],
  ])("tells when what the service finds is not shown at fields %s", async (_, fields) => {
    const { onRejected, user } = await open(
      new ApiError({
        status: 400,
        code: "bad-request/invalid-parameters",
        fieldErrors: fields.map((field) => ({ field, message: "is refused" })),
      }),
    );
    await user.click(screen.getByRole("button", { name: "reject" }));
    expect(onRejected).toHaveBeenCalledExactlyOnceWith(false);
  });
});
