import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { createQueryClient } from "@/shared/api/query-client";
import { colorSchemeManager } from "@/shared/theme/color-scheme";
import { styleNonce } from "@/shared/theme/nonce";
import { cssVariablesResolver, theme } from "@/shared/theme/theme";
import { Announcer } from "@/shared/ui/announcer";
import { Toaster } from "@/shared/ui/toaster";
import { createAppRouter } from "./router";

const queryClient = createQueryClient();
const router = createAppRouter(queryClient);

export function App() {
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariablesResolver}
      colorSchemeManager={colorSchemeManager}
      defaultColorScheme="auto"
      getStyleNonce={styleNonce}
    >
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
        <Toaster />
        <Announcer />
      </QueryClientProvider>
    </MantineProvider>
  );
}
