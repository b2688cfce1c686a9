import { Tooltip } from "@mantine/core";
import { type RefObject, useEffect, useState } from "react";
import { useHeldEscape } from "./held-escape";

interface HintBubbleProps {
  id: string;
  label: string;
  target: RefObject<HTMLElement | null>;
  opened: boolean;
  /** Called when the pointer comes to it, and when it goes. */
  onPoint: () => void;
  onLeave: () => void;
  onDismiss: () => void;
}

/** What a `Hint` shows. */
export default function HintBubble({ id, label, target, opened, onPoint, onLeave, onDismiss }: HintBubbleProps) {
  // It must have found its target before it opens, or would stand in the corner for a moment.
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
      // Mantine keeps onMouseEnter and onMouseLeave for what a tooltip is wrapped around.
      onMouseOver={onPoint}
      onMouseOut={onLeave}
    />
  );
}
