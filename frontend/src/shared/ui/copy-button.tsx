import { Button } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import type { RefObject } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { announce } from "./announcer";
import { Hint } from "./hint";
import { IconButton } from "./icon-button";
import { ignoreHeldEnter } from "./ignore-held-enter";
import { useCopy } from "./use-copy";

interface CopyButtonProps {
  /** What is copied to the clipboard. */
  value: string;
  /** Says what is copied: "Copy client ID". */
  label: string;
  /** The element that shows the value; it is selected when the clipboard can't be written. */
  target: RefObject<HTMLElement | null>;
  /** An icon alone, or an icon with a label. */
  appearance?: "icon" | "button";
  primary?: boolean;
  className?: string;
  /** Called once the clipboard has accepted the value. */
  onCopied?: () => void;
  /** Whether the surrounding dialog focuses this first. */
  "data-autofocus"?: boolean;
}

/** The hint of a copy button needs no description: its text is either the button's name or is announced. */
const silent = { "aria-describedby": undefined };

export function CopyButton(props: CopyButtonProps) {
  const {
    value,
    label,
    target,
    appearance = "icon",
    primary = false,
    className,
    onCopied,
    "data-autofocus": focused,
  } = props;
  const { t } = useTranslation();
  const { state, copy, reset } = useCopy(target);
  const icon = state === "copied" ? <IconCheck size={15} stroke={2.2} /> : <IconCopy size={15} stroke={1.7} />;
  const hint = state === "copied" ? t("copy.copied") : state === "manual" ? t("copy.manual") : label;

  async function handleClick() {
    const copied = await copy(value);
    announce(copied ? t("copy.copied") : t("copy.manual"));
    if (copied) onCopied?.();
  }

  if (appearance === "button") {
    return (
      <Hint<HTMLButtonElement> label={t("copy.manual")} opened={state === "manual"} onDismiss={reset}>
        {(target) => (
          <Button
            {...target}
            {...silent}
            className={className}
            variant={primary ? "filled" : "default"}
            size="xs"
            leftSection={icon}
            aria-label={label}
            data-autofocus={focused}
            onClick={handleClick}
            onKeyDown={ignoreHeldEnter}
          >
            {state === "copied" ? t("copy.copied") : t("copy.copy")}
          </Button>
        )}
      </Hint>
    );
  }
  return (
    <Hint<HTMLButtonElement> label={hint} {...(state !== "idle" && { opened: true })} onDismiss={reset}>
      {(target) => (
        <IconButton
          {...target}
          {...silent}
          className={className}
          size={24}
          aria-label={label}
          tone={state === "copied" ? "teal" : "gray"}
          onClick={handleClick}
        >
          {icon}
        </IconButton>
      )}
    </Hint>
  );
}
