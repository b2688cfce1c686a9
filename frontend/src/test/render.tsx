import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  RouterContextProvider,
} from "@tanstack/react-router";
import { render, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { TranslationProvider } from "@/shared/i18n/use-translation";
import { Toaster } from "@/shared/ui/toaster";

export function testQueryClient(): QueryClient {
  return new QueryClient({ defaultOptions: { queries: { retry: false } } });
}

/** Renders a hook that reads or changes the service's data. */
export function renderQueryHook<Result>(hook: () => Result, queryClient = testQueryClient()) {
  return renderHook(hook, {
    wrapper: ({ children }) => <QueryClientProvider client={queryClient}>{children}</QueryClientProvider>,
  });
}

/** Renders inside the console's providers, with a router that knows a single route. */
export function renderInConsole(ui: ReactNode, queryClient = testQueryClient()) {
  const rootRoute = createRootRoute({ component: Outlet });
  const route = createRoute({ getParentRoute: () => rootRoute, path: "$" });
  const router = createRouter({
    routeTree: rootRoute.addChildren([route]),
    history: createMemoryHistory({ initialEntries: ["/here"] }),
  });
  const view = render(
    <MantineProvider env="test">
      <TranslationProvider>
        <QueryClientProvider client={queryClient}>
          <RouterContextProvider router={router}>
            {ui}
            <Toaster />
          </RouterContextProvider>
        </QueryClientProvider>
      </TranslationProvider>
    </MantineProvider>,
  );
  return { ...view, queryClient, router };
}
