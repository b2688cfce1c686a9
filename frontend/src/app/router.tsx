import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
  stripSearchParams,
} from "@tanstack/react-router";
import { invitationToken } from "@/features/account/invitation-token";
import { apiKeysQuery } from "@/features/api-keys/api/list-api-keys";
import { keyPageDefaults, parseKeyPageSearch } from "@/features/api-keys/detail/key-page-search";
import { type ListSearchInput, listDefaults, parseListSearch } from "@/features/api-keys/list/list-search";
import { auditDefaults, parseAuditSearch } from "@/features/audit/audit-search";
import { sessionQuery } from "@/features/session/session-query";
import { signInMethodsQuery } from "@/features/session/sign-in-methods";
import { endSession } from "@/features/session/sign-out";
import { parseFailure, type SingleSignOnFailure } from "@/features/session/single-sign-on";
import { parseUsageSearch, usageDefaults } from "@/features/usage/usage-search";
import { ApiError } from "@/shared/api/api-error";
import { ErrorScreen, NotFoundScreen } from "./fallback-screens";
import { ListRoute } from "./routes/list-route";
import { Shell } from "./shell/shell";

interface RouterContext {
  queryClient: QueryClient;
}

const rootRoute = createRootRouteWithContext<RouterContext>()({ component: Outlet });

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-in",
  validateSearch: (raw: {
    redirect?: string;
    error?: string;
  }): { redirect?: string | undefined; error?: SingleSignOnFailure | undefined } => ({
    // Only paths of this console are allowed: a browser takes "//elsewhere" for another site. The member is always present,
    // even when undefined, because the router would otherwise take its value from the URL unchecked.
    redirect: typeof raw.redirect === "string" && /^\/(?![/\\])/.test(raw.redirect) ? raw.redirect : undefined,
    error: parseFailure(raw.error),
  }),
  beforeLoad: async ({ context, location, search }) => {
    if (location.state.signOut) {
      await endSession();
      return;
    }
    const session = await context.queryClient.fetchQuery(sessionQuery).catch(() => null);
    if (session) throw redirect({ href: search.redirect ?? "/api-keys", replace: true });
  },
  // If the sign-in methods can't be read, the password remains.
  loader: async ({ context }) => {
    const methods = await context.queryClient.fetchQuery(signInMethodsQuery).catch(() => null);
    return methods?.oidc ?? null;
  },
  component: lazyRouteComponent(() => import("./routes/sign-in-route")),
});

const invitationRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/invitation",
  beforeLoad: ({ location }) => {
    if (location.hash === "") return;
    invitationToken.hold(location.hash);
    throw redirect({ to: "/invitation", hash: "", replace: true });
  },
  component: lazyRouteComponent(() => import("./routes/invitation-route")),
});

const signedInRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "signed-in",
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queryClient.ensureQueryData(sessionQuery);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        throw redirect({ to: "/sign-in", search: { redirect: location.href }, replace: true });
      }
      throw error;
    }
  },
  component: Shell,
});

const homeRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/api-keys", replace: true });
  },
});

const LIST_PATIENCE_MS = 150;

const listRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/api-keys",
  validateSearch: parseListSearch,
  search: { middlewares: [stripSearchParams(listDefaults)] },
  // Waits briefly for the list before entering it: keys that arrive at once need no skeleton and are
  // rendered in small pieces.
  loader: async ({ context, location }) => {
    const list = context.queryClient.prefetchQuery(apiKeysQuery(parseListSearch(location.search as ListSearchInput)));
    await Promise.race([list, new Promise((resolve) => setTimeout(resolve, LIST_PATIENCE_MS))]);
  },
  shouldReload: false,
  component: ListRoute,
});

const createKeyRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/api-keys/new",
  component: lazyRouteComponent(() => import("./routes/create-key-route")),
});

const keyRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/api-keys/$clientId",
  validateSearch: parseKeyPageSearch,
  search: { middlewares: [stripSearchParams(keyPageDefaults)] },
  component: lazyRouteComponent(() => import("./routes/key-route")),
});

const editKeyRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/api-keys/$clientId/edit",
  component: lazyRouteComponent(() => import("./routes/edit-key-route")),
});

const usageRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/usage",
  validateSearch: parseUsageSearch,
  search: { middlewares: [stripSearchParams(usageDefaults)] },
  component: lazyRouteComponent(() => import("./routes/usage-route")),
});

const auditRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/audit",
  validateSearch: parseAuditSearch,
  search: { middlewares: [stripSearchParams(auditDefaults)] },
  component: lazyRouteComponent(() => import("./routes/audit-route")),
});

const operatorsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/operators",
  component: lazyRouteComponent(() => import("./routes/operators-route")),
});

const routeTree = rootRoute.addChildren([
  signInRoute,
  invitationRoute,
  signedInRoute.addChildren([
    homeRoute,
    listRoute,
    createKeyRoute,
    keyRoute,
    editKeyRoute,
    usageRoute,
    auditRoute,
    operatorsRoute,
  ]),
]);

/** Plain query parameters, as the service itself uses them; the router's default would write JSON into the URL. */
function parseSearch(search: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(search));
}

function stringifySearch(search: Record<string, unknown>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    if (value !== undefined && value !== null) params.set(name, String(value));
  }
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}

export function createAppRouter(queryClient: QueryClient) {
  return createRouter({
    routeTree,
    context: { queryClient },
    parseSearch,
    stringifySearch,
    scrollRestoration: true,
    defaultPreload: false,
    defaultPendingMs: 500,
    defaultErrorComponent: ErrorScreen,
    defaultNotFoundComponent: NotFoundScreen,
  });
}

export type AppRouter = ReturnType<typeof createAppRouter>;

declare module "@tanstack/react-router" {
  interface Register {
    router: AppRouter;
  }
  interface HistoryState {
    /** Set by the operator menu. It is not part of the URL, so no link can sign anyone out. */
    signOut?: boolean;
    /** Whether the operator has just set a password with a one-time link. */
    passwordSet?: boolean;
  }
}
