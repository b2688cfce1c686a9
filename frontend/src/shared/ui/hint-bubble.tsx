import { Tooltip } from "@mantine/core";
import { type RefObject, useEffect, useState } from "react";
import { useHeldEscape } from "./held-escape";

interface HintBubbleProps {
  id: string;
  label: string;
  target: RefObject<HTMLElement | null>;
  opened: boolean;
  /** Called when the pointer enters it; `onLeave`, when the pointer leaves. */
  onPoint: () => void;
  onLeave: () => void;
  onDismiss: () => void;
}

/** The bubble that a `Hint` shows. */
export default function HintBubble({ id, label, target, opened, onPoint, onLeave, onDismiss }: HintBubbleProps) {
  // It opens only after it has found its target; otherwise it would flash up in the corner.
  const [placed, setPlaced] = useState(false);
  useEffect(() => setPlaced(true), []);

  useHeldEscape(opened);

  useEffect(() => {
    if (!opened) return;
    const dismiss = (event: KeyboardEvent) => {
      if (event.key === "Escape") onDismiss();
    };
    document.addEventListener("keydown", dismiss);
    return () => document.removeEventListener("keydown", dismiss);
  });

  return (
    <Tooltip
      target={target}
      opened={opened && placed}
      label={<span id={id}>{label}</span>}
      interactive
      // Mantine reserves onMouseEnter and onMouseLeave for the element that a tooltip wraps.
      onMouseOver={onPoint}
      onMouseOut={onLeave}
    />
  );
}
