import { Button, CloseButton, Portal } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconAlertTriangle, IconCircleCheck } from "@tabler/icons-react";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import classes from "./toaster.module.css";
import { lifetimeMs, type Toast, toaster } from "./toaster-store";

function ToastCard({ toast, held }: { toast: Toast; held: boolean }) {
  const { t } = useTranslation();
  const lifetime = lifetimeMs(toast);

  useEffect(() => {
    if (held || !Number.isFinite(lifetime)) return;
    const timer = setTimeout(() => toaster.dismiss(toast.id), lifetime);
    return () => clearTimeout(timer);
  }, [held, lifetime, toast.id]);

  return (
    <li className={classes.toast} data-tone={toast.tone}>
      {toast.tone === "success" ? (
        <IconCircleCheck className={classes.icon} size={18} stroke={1.8} aria-hidden />
      ) : (
        <IconAlertTriangle className={classes.icon} size={18} stroke={1.8} aria-hidden />
      )}
      <div className={classes.message} role={toast.tone === "error" ? "alert" : undefined}>
        {toast.message}
      </div>
      {toast.action && (
        <Button
          className={classes.action}
          variant="default"
          size="compact-sm"
          onClick={() => {
            toaster.dismiss(toast.id);
            toast.action?.run();
          }}
        >
          {toast.action.label}
        </Button>
      )}
      <CloseButton size="sm" aria-label={t("toast.dismiss")} onClick={() => toaster.dismiss(toast.id)} />
    </li>
  );
}

/** Shows the messages of `toaster`. They stay while the pointer or the focus is on them; F8 moves the focus to them. */
export function Toaster() {
  const { t } = useTranslation();
  const toasts = useSyncExternalStore(toaster.subscribe, toaster.list);
  const [held, setHeld] = useState(false);
  const region = useRef<HTMLElement>(null);

  // Dismissing a message removes it from under the pointer and the focus, and React fires no event for either.
  useEffect(() => {
    setHeld(toasts.length > 0 && region.current?.matches(":hover, :focus-within") === true);
  }, [toasts]);

  useHotkeys([["F8", () => region.current?.querySelector<HTMLElement>("button")?.focus()]], []);

  const list = (tone: Toast["tone"]) => (
    <ol className={classes.list}>
      {toasts
        .filter((toast) => toast.tone === tone)
        .map((toast) => (
          <ToastCard key={toast.id} toast={toast} held={held} />
        ))}
    </ol>
  );

  return (
    <Portal>
      <section
        ref={region}
        className={classes.region}
        aria-label={t("toast.region")}
        onMouseEnter={() => setHeld(true)}
        onMouseLeave={() => setHeld(false)}
        onFocus={() => setHeld(true)}
        onBlur={() => setHeld(false)}
      >
        {/* Errors have the alert role, which is announced by itself. */}
        <div role="status" aria-atomic="false" aria-relevant="additions">
          {list("success")}
        </div>
        {list("error")}
      </section>
    </Portal>
  );
}
