import { type FocusEvent, type ReactNode, type RefObject, useId, useRef, useState } from "react";
import { onDemand } from "./on-demand";

const HintBubble = onDemand(() => import("./hint-bubble"));

const DELAY_MS = 250;

/** How long the hint stays after the pointer leaves: long enough to move from the target to the hint, or back. */
const STAY_MS = 150;

/** The props that the element with the hint needs. */
interface HintTarget<Target extends HTMLElement> {
  ref: RefObject<Target | null>;
  "aria-describedby": string | undefined;
  onMouseEnter: () => void;
  onMouseLeave: () => void;
  onFocus: (event: FocusEvent) => void;
  onBlur: () => void;
}

interface HintProps<Target extends HTMLElement> {
  label: string;
  /** Whether the hint is shown, instead of letting pointer and focus decide. */
  opened?: boolean;
  /** Called when Escape dismisses the hint, for components that set `opened`. */
  onDismiss?: () => void;
  children: (target: HintTarget<Target>) => ReactNode;
}

/**
 * A tooltip that appears on hover and on keyboard focus, stays while the pointer is over it, and is dismissed by Escape.
 * Until it is first shown, only the element itself is rendered, because a list has hundreds of hints.
 */
export function Hint<Target extends HTMLElement>({ label, opened, onDismiss, children }: HintProps<Target>) {
  const id = useId();
  const ref = useRef<Target>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const [attended, setAttended] = useState(false);
  const [wanted, setWanted] = useState(false);
  const shown = opened ?? attended;
  if (shown && !wanted) setWanted(true);

  const attend = () => setAttended(true);
  const stay = () => clearTimeout(timer.current);
  const leave = () => {
    stay();
    setAttended(false);
  };
  const leaveSoon = () => {
    stay();
    timer.current = setTimeout(leave, STAY_MS);
  };
  const dismiss = () => {
    leave();
    onDismiss?.();
  };

  return (
    <>
      {children({
        ref,
        "aria-describedby": shown ? id : undefined,
        onMouseEnter: () => {
          stay();
          timer.current = setTimeout(attend, DELAY_MS);
        },
        onMouseLeave: leaveSoon,
        onFocus: (event) => {
          if (event.currentTarget.matches(":focus-visible")) attend();
        },
        onBlur: leave,
      })}
      {wanted && (
        <HintBubble
          id={id}
          label={label}
          target={ref}
          opened={shown}
          onPoint={stay}
          onLeave={leaveSoon}
          onDismiss={dismiss}
        />
      )}
    </>
  );
}
