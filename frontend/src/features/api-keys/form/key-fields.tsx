import type { ReactNode } from "react";
import { DetailsCard } from "./details-card";
import classes from "./key-form.module.css";
import type { KeyValues } from "./key-values";
import { LifespanCard } from "./lifespan-card";
import { ScopePicker } from "./scope-picker";
import { SummaryCard } from "./summary-card";
import type { KeyForm } from "./use-key-form";

interface KeyFieldsProps {
  keyForm: KeyForm;
  /** Shown read-only when editing. */
  clientId?: string;
  pending: boolean;
  /** What went wrong with the form as a whole. */
  problem?: ReactNode;
  onSubmit: (values: KeyValues) => void;
  onCancel: () => void;
}

/** The form for a key, used to add and to edit one. */
export function KeyFields({ keyForm, clientId, pending, problem, onSubmit, onCancel }: KeyFieldsProps) {
  const { form, ref, fail, errorOf, setScopes } = keyForm;
  return (
    <form ref={ref} className={classes.form} onSubmit={form.onSubmit(onSubmit, fail)} noValidate>
      <div className={classes.main}>
        <DetailsCard keyForm={keyForm} clientId={clientId} />
        <ScopePicker value={form.getValues().scopes} error={errorOf("scopes")} onChange={setScopes} />
      </div>
      <div className={classes.aside}>
        <div className={classes.sticky}>
          <LifespanCard keyForm={keyForm} />
          <SummaryCard keyForm={keyForm} pending={pending} problem={problem} onCancel={onCancel} />
        </div>
      </div>
    </form>
  );
}
