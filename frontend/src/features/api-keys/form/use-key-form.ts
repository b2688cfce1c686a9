import { useForm } from "@mantine/form";
import { ApiError } from "@/shared/api/api-error";
import { rejectedFields } from "@/shared/api/problem-message";
import { useTranslation } from "@/shared/i18n/use-translation";
import { useFailures } from "@/shared/ui/use-failures";
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
import { type LifespanUnit, lifespanMax } from "./lifespan";
import { isRateLimitValid, RATE_LIMIT_MAX } from "./rate-limit";

export type KeyForm = ReturnType<typeof useKeyForm>;

/** The texts of what each field accepts. */
function useFieldTexts() {
  const { t } = useTranslation();
  const lifespan = (unit: LifespanUnit) =>
    unit === "hours"
      ? t("form.lifespan.hoursRule", { max: lifespanMax.hours })
      : t("form.lifespan.minutesRule", { max: lifespanMax.minutes });
  return {
    lifespan,
    nameMissing: t("form.name.missing"),
    nameLong: t("form.name.long", { max: NAME_LENGTH_MAX }),
    nameTaken: t("form.name.taken"),
    nameRejected: t("form.name.rejected"),
    description: t("form.description.long", { max: DESCRIPTION_LENGTH_MAX }),
    scopesMissing: t("form.scopes.missing"),
    scopesRejected: t("form.scopes.rejected"),
    rateLimit: t("form.rateLimit.rule", { max: RATE_LIMIT_MAX }),
  };
}

/** The form's state and rules, for adding and for editing. */
export function useKeyForm(initialValues: KeyValues) {
  const texts = useFieldTexts();
  const { ref, fail } = useFailures();
  const form = useForm<KeyValues>({
    initialValues,
    validateInputOnBlur: ["name", "description", "lifespanValue", "rateLimit"],
    validate: {
      name: (name) => {
        const invalid = invalidName(name);
        if (invalid === null) return null;
        return invalid === "missing" ? texts.nameMissing : texts.nameLong;
      },
      description: (description) => (isDescriptionValid(description) ? null : texts.description),
      scopes: (scopes) => (scopes.length === 0 ? texts.scopesMissing : null),
      lifespanValue: (_value, values) => (isLifespanValid(values) ? null : texts.lifespan(values.lifespanUnit)),
      rateLimit: (limit) => (isRateLimitValid(limit) ? null : texts.rateLimit),
    },
  });

  /** Changes the unit and says at once whether the value fits it. */
  function setUnit(unit: LifespanUnit) {
    form.setFieldValue("lifespanUnit", unit);
    const fits = isLifespanValid({ ...form.getValues(), lifespanUnit: unit });
    if (fits) form.clearFieldError("lifespanValue");
    else form.setFieldError("lifespanValue", texts.lifespan(unit));
  }

  /** Puts what only the service could find at its fields, and the focus at the first. Returns whether all of it found a place. */
  function showRejected(error: unknown): boolean {
    if (!(error instanceof ApiError)) return false;
    const taken = error.code === "api-key/name-taken";
    const fields = rejectedFields<KeyField>(error, fieldOf);
    const rejected: KeyField[] = taken && !fields.includes("name") ? [...fields, "name"] : fields;
    const messages: Record<KeyField, string> = {
      name: taken ? texts.nameTaken : texts.nameRejected,
      description: texts.description,
      scopes: texts.scopesRejected,
      lifespanValue: texts.lifespan(form.getValues().lifespanUnit),
      rateLimit: texts.rateLimit,
    };
    for (const field of rejected) form.setFieldError(field, messages[field]);
    if (rejected.length > 0) fail();
    return rejected.length > 0 && error.fieldErrors.every(({ field }) => fieldOf(field));
  }

  return { form, ref, fail, setUnit, showRejected };
}
