import "@mantine/core/styles/InlineInput.layer.css";
import "@mantine/core/styles/NumberInput.layer.css";
import { Button, CloseButton, NumberInput, SegmentedControl, Stack, Textarea, TextInput } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Card } from "@/shared/ui/card";
import { ClientId } from "../parts/client-id";
import { ScopeChip } from "../parts/scope-chips";
import classes from "./key-form.module.css";
import { DESCRIPTION_LENGTH_MAX, isLifespanValid, type KeyValues, lifespanOf } from "./key-values";
import { formatLifespan, lifespanMax, lifespanUnits } from "./lifespan";
import { RATE_LIMIT_MAX } from "./rate-limit";
import { ScopePicker } from "./scope-picker";
import { redundantScopes } from "./scope-selection";
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

/** A field for a number of at least one. A value out of bounds is reported, not changed. */
const wholeNumber = {
  allowDecimal: false,
  allowNegative: false,
  allowLeadingZeros: false,
  clampBehavior: "none",
  min: 1,
} as const;

/** The form for a key, used to add and to edit one. */
export function KeyFields({ keyForm, clientId, pending, problem, onSubmit, onCancel }: KeyFieldsProps) {
  const { form, ref, fail, errorOf, inputProps, lifespanRule, setUnit } = keyForm;
  const { t } = useTranslation();
  const values = form.getValues();
  const redundant = redundantScopes(values.scopes);

  function setScopes(scopes: string[]) {
    form.setFieldValue("scopes", scopes);
    if (scopes.length > 0) form.clearFieldError("scopes");
  }

  return (
    <form ref={ref} className={classes.form} onSubmit={form.onSubmit(onSubmit, fail)} noValidate>
      <div className={classes.main}>
        <Card title={t("form.details")}>
          <Stack gap="md">
            {clientId && (
              <div>
                <div className={classes.label}>{t("key.clientId")}</div>
                <ClientId clientId={clientId} keyName={values.name} />
                <p className={classes.hint}>{t("form.clientIdFixed")}</p>
              </div>
            )}
            <TextInput
              label={t("key.name")}
              description={t("form.name.description")}
              inputWrapperOrder={["label", "input", "error", "description"]}
              required
              autoComplete="off"
              data-1p-ignore
              {...inputProps("name")}
            />
            <Textarea
              label={t("key.description")}
              rows={3}
              maxLength={DESCRIPTION_LENGTH_MAX}
              {...inputProps("description")}
            />
            <NumberInput
              label={t("key.rateLimit")}
              description={t("form.rateLimit.description")}
              inputWrapperOrder={["label", "input", "error", "description"]}
              placeholder={t("form.rateLimit.placeholder")}
              {...wholeNumber}
              max={RATE_LIMIT_MAX}
              classNames={{ wrapper: classes.rateLimit }}
              {...inputProps("rateLimit")}
            />
          </Stack>
        </Card>
        <ScopePicker value={values.scopes} error={errorOf("scopes")} onChange={setScopes} />
      </div>
      <div className={classes.aside}>
        <div className={classes.sticky}>
          <Card title={t("key.lifespan")} description={t("form.lifespan.description")}>
            <div className={classes.lifespan}>
              <NumberInput
                label={t("form.lifespan.value")}
                {...wholeNumber}
                max={lifespanMax[values.lifespanUnit]}
                className={classes.lifespanValue}
                {...inputProps("lifespanValue")}
              />
              <div className={classes.unit}>
                <div className={classes.label} id="lifespan-unit">
                  {t("form.lifespan.unit")}
                </div>
                <SegmentedControl
                  fullWidth
                  size="sm"
                  aria-labelledby="lifespan-unit"
                  value={values.lifespanUnit}
                  data={lifespanUnits.map((unit) => ({ value: unit, label: t(`form.lifespan.${unit}`) }))}
                  onChange={(unit) => setUnit(unit === "minutes" ? "minutes" : "hours")}
                />
              </div>
            </div>
            {!form.errors.lifespanValue && <p className={classes.hint}>{lifespanRule}</p>}
          </Card>
          <Card title={t("form.summary.title")}>
            <p className={classes.summary}>
              {isLifespanValid(values)
                ? t("form.summary.text", {
                    count: values.scopes.length,
                    lifespan: formatLifespan(t, lifespanOf(values)),
                  })
                : t("form.summary.scopesOnly", { count: values.scopes.length })}
            </p>
            {values.scopes.length > 0 && (
              <ul className={classes.chosen} aria-label={t("form.summary.scopes")}>
                {values.scopes.map((scope) => (
                  <li key={scope} className={classes.chosenScope}>
                    <ScopeChip scope={scope} />
                    <CloseButton
                      size={24}
                      iconSize={14}
                      aria-label={t("form.summary.remove", { scope })}
                      onClick={() => setScopes(values.scopes.filter((each) => each !== scope))}
                    />
                  </li>
                ))}
              </ul>
            )}
            {redundant.length > 0 && (
              <div className={classes.redundant}>
                <IconInfoCircle size={16} stroke={1.8} aria-hidden />
                <div>
                  {t("form.summary.redundant", { count: redundant.length })}{" "}
                  <button
                    type="button"
                    className={classes.textButton}
                    onClick={() => setScopes(values.scopes.filter((scope) => !redundant.includes(scope)))}
                  >
                    {t("form.summary.removeRedundant")}
                  </button>
                </div>
              </div>
            )}
            {problem && <div className={classes.problem}>{problem}</div>}
            <div className={classes.buttons}>
              <Button type="submit" loading={pending}>
                {t("action.save")}
              </Button>
              <Button variant="default" disabled={pending} onClick={onCancel}>
                {t("action.cancel")}
              </Button>
            </div>
          </Card>
        </div>
      </div>
    </form>
  );
}
