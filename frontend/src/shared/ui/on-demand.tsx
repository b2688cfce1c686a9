import { type ComponentType, type JSX, lazy, Suspense, useEffect } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { toaster } from "./toaster-store";

type Load<Props> = () => Promise<{ default: ComponentType<Props> }>;

const parts = new Set<() => Promise<unknown>>();

/** Takes the place of what could not be fetched: reports it and closes. */
function Missing({ onClose }: { onClose?: () => void }) {
  const { t } = useTranslation();
  useEffect(() => {
    toaster.show({ tone: "error", message: t("part.missing") });
    onClose?.();
  }, [t, onClose]);
  return null;
}

/**
 * A component, such as a dialog, whose chunk is fetched when it is first shown; nothing is rendered until it arrives. If the
 * chunk can't be fetched, the page stays as it is, the operator is told, and what can be closed is closed; the next time it
 * is shown, the chunk is requested again.
 */
export function whenShown<Props extends object>(load: Load<Props>) {
  const attempt = (): ComponentType<Props> =>
    lazy(() =>
      load().catch(() => {
        Part = attempt(); // React caches the outcome of this attempt
        return { default: Missing };
      }),
    );
  let Part = attempt();
  return function WhenShown(props: Props & JSX.IntrinsicAttributes) {
    return (
      <Suspense fallback={null}>
        <Part {...props} />
      </Suspense>
    );
  };
}

/** Like `whenShown`, for what somebody is likely to point at or press: a menu, a hint. Its chunk is fetched in advance. */
export function onDemand<Props extends object>(load: Load<Props>) {
  parts.add(load);
  return whenShown(load);
}

export function whenIdle(run: () => void): void {
  if (typeof requestIdleCallback === "function") requestIdleCallback(run);
  else setTimeout(run);
}

/**
 * Fetches the on-demand parts one after the other, each when the browser is idle, so that the first press
 * gets an instant response.
 */
export function fetchOnDemandParts(): void {
  const [load] = parts;
  if (!load) return;
  parts.delete(load);
  whenIdle(() => {
    // A part that can't be fetched now is requested again when it is needed.
    load().catch(() => undefined);
    fetchOnDemandParts();
  });
}
