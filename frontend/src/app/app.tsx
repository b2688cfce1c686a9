import { MantineProvider } from "@mantine/core";
import { type QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useEffect } from "react";
import { TranslationProvider } from "@/shared/i18n/use-translation";
import { colorSchemeManager } from "@/shared/theme/color-scheme";
import { fetchFont } from "@/shared/theme/font";
import { styleNonce } from "@/shared/theme/nonce";
import { cssVariablesResolver, theme } from "@/shared/theme/theme";
import { Announcer } from "@/shared/ui/announcer";
import { useKeptFocus } from "@/shared/ui/kept-focus";
import { whenIdle } from "@/shared/ui/on-demand";
import { Toaster } from "@/shared/ui/toaster";
import type { AppRouter } from "./router";

export function App({ queryClient, router }: { queryClient: QueryClient; router: AppRouter }) {
  useKeptFocus();
  useEffect(() => whenIdle(fetchFont), []);
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariablesResolver}
      colorSchemeManager={colorSchemeManager}
      defaultColorScheme="auto"
      getStyleNonce={styleNonce}
    >
      <TranslationProvider>
        <QueryClientProvider client={queryClient}>
          <RouterProvider router={router} />
          <Toaster />
          <Announcer />
        </QueryClientProvider>
      </TranslationProvider>
    </MantineProvider>
  );
}
