import "@/shared/theme/mantine.css";
import "@/shared/theme/global.css";
import "@/shared/theme/print.css";
import { StrictMode, startTransition } from "react";
import { createRoot } from "react-dom/client";
import { App } from "@/app/app";
import { createAppRouter } from "@/app/router";
import { watchIdentity } from "@/features/session/watch-identity";
import { createQueryClient } from "@/shared/api/query-client";
import { startI18n } from "@/shared/i18n/i18n";
import { prepareFormats } from "@/shared/i18n/use-format";

/** Resolves once the styles that the page's inline script fetches (first-paint.ts) have loaded or failed to load. */
async function stylesArrived(): Promise<void> {
  const link = document.querySelector<HTMLLinkElement>('head > link[rel="stylesheet"]');
  if (!link || link.sheet) return;
  await new Promise((resolve) => {
    link.addEventListener("load", resolve);
    link.addEventListener("error", resolve);
  });
}

/**
 * A function, because other pages' files import this one: with a top-level await they would wait for it
 * while it waits for them.
 */
async function start(container: HTMLElement): Promise<void> {
  const { language } = await startI18n();
  prepareFormats(language);
  const queryClient = createQueryClient();
  const root = createRoot(container);
  watchIdentity(queryClient, () => {
    // Nothing may stay on the page: neither unsaved input nor a secret that is shown only once. The secret is lost, but
    // another can be generated; one that the next operator has read can't be taken back. What is unmounted can't block
    // leaving the page either, and is gone even when the service doesn't answer.
    root.unmount();
    queryClient.clear();
    window.location.replace("/");
  });
  const router = createAppRouter(queryClient);
  // The frame that index.html has shown since the first paint stays until a page can replace it.
  await Promise.all([router.load(), stylesArrived()]);
  // A transition renders in small pieces, between which the browser can respond to input.
  startTransition(() =>
    root.render(
      <StrictMode>
        <App queryClient={queryClient} router={router} />
      </StrictMode>,
    ),
  );
}

const container = document.getElementById("root");
if (!container) throw new Error("index.html has no #root");
start(container).catch((error: unknown) => {
  // Shows markup.tsx's message in place of the frame.
  document.documentElement.dataset.frame = "failed";
  throw error;
});
