import { setupServer } from "msw/node";

/** The service as the tests see it; each test says how it answers. */
export const server = setupServer();

/** A route of the service, as the client addresses it. */
export const at = (path: string) => `${window.location.origin}${path}`;
