import "@mantine/core/styles/InlineInput.layer.css";
import "@mantine/core/styles/NumberInput.layer.css";
import { NumberInput, SegmentedControl } from "@mantine/core";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Card } from "@/shared/ui/card";
import { lifespanMax, lifespanUnits } from "../parts/lifespan";
import classes from "./key-form.module.css";
import type { KeyForm } from "./use-key-form";
import { wholeNumber } from "./whole-number";

/** How long the key's tokens live: a number and its unit. */
export function LifespanCard({ keyForm: { form, inputProps, lifespanRule, setUnit } }: { keyForm: KeyForm }) {
  const { t } = useTranslation();
  const unit = form.getValues().lifespanUnit;
  return (
    <Card title={t("key.lifespan")} description={t("form.lifespan.description")}>
      <div className={classes.lifespan}>
        <NumberInput
          label={t("form.lifespan.value")}
          {...wholeNumber}
          max={lifespanMax[unit]}
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
            value={unit}
            data={lifespanUnits.map((each) => ({ value: each, label: t(`form.lifespan.${each}`) }))}
            onChange={(chosen) => setUnit(chosen === "minutes" ? "minutes" : "hours")}
          />
        </div>
      </div>
      {!form.errors.lifespanValue && <p className={classes.hint}>{lifespanRule}</p>}
    </Card>
  );
}
