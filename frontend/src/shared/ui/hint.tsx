import { type FocusEvent, type ReactNode, type RefObject, useId, useRef, useState } from "react";
import { onDemand } from "./on-demand";

const HintBubble = onDemand(() => import("./hint-bubble"));

const DELAY_MS = 250;

/** How long it stays when the pointer leaves: long enough to come from what it is about to the hint itself, or back. */
const STAY_MS = 150;

/** What the element that a hint is about needs. */
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
  /** Decides whether it is shown, in place of what is pointed at and focused. */
  opened?: boolean;
  /** Called when Escape puts it away, for whoever decides that. */
  onDismiss?: () => void;
  children: (target: HintTarget<Target>) => ReactNode;
}

/**
 * A tooltip on hover and on keyboard focus, which stays while it is pointed at itself, and which Escape puts away. Until it is
 * shown for the first time there is only the element itself: a list has hundreds of them.
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
