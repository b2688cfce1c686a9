import { setupServer } from "msw/node";

/** The mocked service; each test says how it answers. */
export const server = setupServer();

/** The URL of one of the service's routes, as the client calls it. */
export const at = (path: string) => `${window.location.origin}${path}`;
