import "@mantine/core/styles/InlineInput.layer.css";
import "@mantine/core/styles/Checkbox.layer.css";
import { Checkbox } from "@mantine/core";
import { useId } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import type { Access, Label } from "../api/scope-catalogue";
import classes from "./scope-picker.module.css";
import {
  accessTypes,
  groupState,
  isGroupChoice,
  type PickerGroup,
  type PickerRow,
  toggleGroup,
  toggleScope,
} from "./scope-selection";

interface ScopeGroupProps {
  group: PickerGroup;
  language: keyof Label;
  accessLabels: Record<Access, string>;
  selected: ReadonlySet<string>;
  value: string[];
  onChange: (value: string[]) => void;
}

/** One product in the picker. A product without features is a single line. */
export function ScopeGroup({ group, language, accessLabels, selected, value, onChange }: ScopeGroupProps) {
  const { t } = useTranslation();
  const titleId = useId();
  const name = group.label[language];
  const single = group.rows.length === 1 && group.rows[0]?.wholeProduct;

  function renderRow(row: PickerRow) {
    const feature = row.wholeProduct ? t("form.scopes.wholeProduct") : row.label[language];
    return (
      <div key={row.id} className={classes.row} data-product={single}>
        <span className={classes.feature} title={row.id}>
          {single ? name : feature}
        </span>
        {accessTypes.map((access) => {
          const scope = row.scopes[access];
          if (scope === undefined) return <span key={access} />;
          return (
            <span key={access} className={classes.cell} title={scope}>
              <Checkbox
                checked={selected.has(scope)}
                aria-label={`${single ? name : `${name}, ${feature}`}: ${accessLabels[access]}`}
                onChange={() => onChange(toggleScope(scope, value))}
              />
            </span>
          );
        })}
      </div>
    );
  }

  if (single) return <div className={classes.group}>{group.rows.map(renderRow)}</div>;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset's legend can't be a cell of the grid
    <div className={classes.group} role="group" aria-labelledby={titleId}>
      <div className={classes.row} data-product>
        <span id={titleId} className={classes.feature}>
          {name}
        </span>
        {accessTypes.map((access) => {
          if (!isGroupChoice(group, access)) return <span key={access} />;
          const state = groupState(group, access, selected);
          return (
            <span key={access} className={classes.cell} title={t("form.scopes.all", { product: name })}>
              <Checkbox
                checked={state === "all"}
                indeterminate={state === "some"}
                aria-label={`${t("form.scopes.all", { product: name })}: ${accessLabels[access]}`}
                onChange={() => onChange(toggleGroup(group, access, value))}
              />
            </span>
          );
        })}
      </div>
      {group.rows.map(renderRow)}
    </div>
  );
}
