import { type ComponentType, type JSX, lazy, Suspense, useEffect } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { toaster } from "./toaster-store";

type Load<Props> = () => Promise<{ default: ComponentType<Props> }>;

const parts = new Set<() => Promise<unknown>>();

/** Stands for what could not be fetched. It says so, and is gone. */
function Missing({ onClose }: { onClose?: () => void }) {
  const { t } = useTranslation();
  useEffect(() => {
    toaster.show({ tone: "error", message: t("part.missing") });
    onClose?.();
  }, [t, onClose]);
  return null;
}

/**
 * A component that comes in a chunk of its own once it is shown, such as a dialog; nothing stands in its place until it is
 * there. Where the chunk can't be fetched the page stays as it is, the operator is told, and what may be closed is: shown
 * again, it is asked for again.
 */
export function whenShown<Props extends object>(load: Load<Props>) {
  const attempt = (): ComponentType<Props> =>
    lazy(() =>
      load().catch(() => {
        Part = attempt(); // React keeps the outcome of this one
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

/** As `whenShown`, for what somebody is about to point at or to press: a menu, a hint. It is fetched before. */
export function onDemand<Props extends object>(load: Load<Props>) {
  parts.add(load);
  return whenShown(load);
}

export function whenIdle(run: () => void): void {
  if (typeof requestIdleCallback === "function") requestIdleCallback(run);
  else setTimeout(run);
}

/**
 * Fetches what may be asked for, one part after the other, each when the browser has nothing better to do, so that the first
 * press is answered at once.
 */
export function fetchOnDemandParts(): void {
  const [load] = parts;
  if (!load) return;
  parts.delete(load);
  whenIdle(() => {
    // What can't be fetched now is asked for again when it is needed.
    load().catch(() => undefined);
    fetchOnDemandParts();
  });
}
