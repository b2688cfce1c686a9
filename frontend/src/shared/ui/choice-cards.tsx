import "@mantine/core/styles/InlineInput.layer.css";
import "@mantine/core/styles/Radio.layer.css";
import "@mantine/core/styles/RadioCard.layer.css";
import "@mantine/core/styles/RadioIndicator.layer.css";
import { Radio } from "@mantine/core";
import classes from "./choice-cards.module.css";

interface Choice<Value extends string> {
  value: Value;
  title: string;
  text: string;
  disabled?: boolean;
}

interface ChoiceCardsProps<Value extends string> {
  label: string;
  /** Null while nothing is chosen. */
  value: Value | null;
  choices: readonly Choice<Value>[];
  onChange: (value: Value) => void;
  /** Whether the surrounding dialog focuses the chosen card first, or the first that can be chosen. */
  "data-autofocus"?: boolean;
}

/** One of a few choices, each with a sentence about what it means. */
export function ChoiceCards<Value extends string>(props: ChoiceCardsProps<Value>) {
  const { label, value, choices, onChange, "data-autofocus": focused = false } = props;
  const first = value ?? choices.find((choice) => !choice.disabled)?.value;
  return (
    <Radio.Group
      label={label}
      value={value}
      onChange={(chosen) => {
        const known = choices.find((choice) => choice.value === chosen);
        if (known) onChange(known.value);
      }}
      mt="md"
    >
      <div className={classes.choices}>
        {choices.map(({ value: each, title, text, disabled = false }) => (
          <Radio.Card
            key={each}
            value={each}
            className={classes.choice}
            disabled={disabled}
            data-disabled={disabled || undefined}
            data-autofocus={(focused && each === first) || undefined}
          >
            <Radio.Indicator className={classes.indicator} size="xs" />
            <span>
              <span className={classes.title}>{title}</span>
              <span className={classes.text}>{text}</span>
            </span>
          </Radio.Card>
        ))}
      </div>
    </Radio.Group>
  );
}
