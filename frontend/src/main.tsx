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

/** Returns when the styles are there that the page's own script fetches (first-paint.ts), or can't be had. */
async function stylesArrived(): Promise<void> {
  const link = document.querySelector<HTMLLinkElement>('head > link[rel="stylesheet"]');
  if (!link || link.sheet) return;
  await new Promise((resolve) => {
    link.addEventListener("load", resolve);
    link.addEventListener("error", resolve);
  });
}

/** No top-level await: the files of other pages import this one, and would wait for it while it waits for them. */
async function start(container: HTMLElement): Promise<void> {
  const { language } = await startI18n();
  prepareFormats(language);
  const queryClient = createQueryClient();
  const root = createRoot(container);
  watchIdentity(queryClient, () => {
    // Nothing may stay: not input that isn't saved, and not a secret that is shown once, although it is lost. Another can be
    // generated; one that the next operator has read can't be taken back. What is taken off the page can't ask to stay on it
    // either, and is gone when the service doesn't answer.
    root.unmount();
    queryClient.clear();
    window.location.replace("/");
  });
  const router = createAppRouter(queryClient);
  // The frame that index.html has shown since the first paint stays until there is a page to take its place.
  await Promise.all([router.load(), stylesArrived()]);
  // In a transition it is rendered in small pieces, between which the browser answers the operator.
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
void start(container);
