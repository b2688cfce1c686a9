import { useForm } from "@mantine/form";
import { ApiError } from "@/shared/api/api-error";
import { rejectedFields } from "@/shared/api/problem-message";
import { useTranslation } from "@/shared/i18n/use-translation";
import { useFailures } from "@/shared/ui/use-failures";
import { type LifespanUnit, lifespanMax } from "../parts/lifespan";
import { isRateLimitValid, RATE_LIMIT_MAX } from "../parts/rate-limit";
import {
  DESCRIPTION_LENGTH_MAX,
  fieldOf,
  invalidName,
  isDescriptionValid,
  isLifespanValid,
  type KeyField,
  type KeyValues,
  NAME_LENGTH_MAX,
} from "./key-values";

export type KeyForm = ReturnType<typeof useKeyForm>;

/**
 * The form's state and rules, for adding and for editing. A field's error is kept as a code and translated when it is shown,
 * so it follows a change of language.
 */
export function useKeyForm(initialValues: KeyValues) {
  const { t } = useTranslation();
  const { ref, fail } = useFailures();
  const form = useForm<KeyValues>({
    initialValues,
    validateInputOnBlur: ["name", "description", "lifespanValue", "rateLimit"],
    validate: {
      name: invalidName,
      description: (description) => (isDescriptionValid(description) ? null : "invalid"),
      scopes: (scopes) => (scopes.length === 0 ? "missing" : null),
      lifespanValue: (_value, values) => (isLifespanValid(values) ? null : "invalid"),
      rateLimit: (limit) => (isRateLimitValid(limit) ? null : "invalid"),
    },
  });

  const lifespanRule =
    form.getValues().lifespanUnit === "hours"
      ? t("form.lifespan.hoursRule", { max: lifespanMax.hours })
      : t("form.lifespan.minutesRule", { max: lifespanMax.minutes });

  const texts: Record<KeyField, Record<string, string>> = {
    name: {
      missing: t("form.name.missing"),
      long: t("form.name.long", { max: NAME_LENGTH_MAX }),
      taken: t("form.name.taken"),
      invalid: t("form.name.rejected"),
    },
    description: { invalid: t("form.description.long", { max: DESCRIPTION_LENGTH_MAX }) },
    scopes: { missing: t("form.scopes.missing"), invalid: t("form.scopes.rejected") },
    lifespanValue: { invalid: lifespanRule },
    rateLimit: { invalid: t("form.rateLimit.rule", { max: RATE_LIMIT_MAX }) },
  };

  /** What is wrong with a field, in words. */
  function errorOf(field: KeyField): string | undefined {
    const error = form.errors[field];
    return typeof error === "string" ? texts[field][error] : undefined;
  }

  /** The props that a field of the form needs. */
  const inputProps = (field: KeyField) => ({ ...form.getInputProps(field), error: errorOf(field) });

  /** Chooses scopes, which makes a missing choice right at once. */
  function setScopes(scopes: string[]) {
    form.setFieldValue("scopes", scopes);
    if (scopes.length > 0) form.clearFieldError("scopes");
  }

  /** Changes the unit and shows at once whether the value fits it. */
  function setUnit(unit: LifespanUnit) {
    form.setFieldValue("lifespanUnit", unit);
    const fits = isLifespanValid({ ...form.getValues(), lifespanUnit: unit });
    if (fits) form.clearFieldError("lifespanValue");
    else form.setFieldError("lifespanValue", "invalid");
  }

  /**
   * Shows the service's objections next to their fields and focuses the first of them. Returns whether every one has a field.
   */
  function showRejected(error: unknown): boolean {
    if (!(error instanceof ApiError)) return false;
    const taken = error.code === "api-key/name-taken";
    const fields = rejectedFields<KeyField>(error, fieldOf);
    const rejected: KeyField[] = taken && !fields.includes("name") ? [...fields, "name"] : fields;
    for (const field of rejected) form.setFieldError(field, taken && field === "name" ? "taken" : "invalid");
    if (rejected.length > 0) fail();
    return rejected.length > 0 && error.fieldErrors.every(({ field }) => fieldOf(field));
  }

  return { form, ref, fail, errorOf, inputProps, lifespanRule, setScopes, setUnit, showRejected };
}
