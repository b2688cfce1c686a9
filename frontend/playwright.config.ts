import { defineConfig } from "@playwright/test";
import { chromium } from "./e2e/fixtures/chromium";

export default defineConfig({
  testDir: "./e2e",
  outputDir: "../.cache/e2e",
  globalSetup: ["./e2e/fixtures/check-binary.ts", "./e2e/fixtures/browser-features.ts"],
  // Every worker has a service and a browser of its own; more workers than processors would only wait for each other.
  workers: 2,
  fullyParallel: true,
  forbidOnly: Boolean(process.env.CI),
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: process.env.CI ? [["list"], ["github"]] : [["list"]],
  use: {
    viewport: { width: 1280, height: 800 },
    locale: "en-US",
    timezoneId: "America/Sao_Paulo",
    // Most tests are about what is on the screen, not about how it gets there.
    contextOptions: { reducedMotion: "reduce" },
    actionTimeout: 10_000,
    navigationTimeout: 20_000,
    trace: { mode: "retain-on-failure", screenshots: false, snapshots: false, sources: false },
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: chromium(),
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        ...(process.env.CHROMIUM_FEATURES ? [process.env.CHROMIUM_FEATURES] : []),
      ],
    },
  },
  projects: [
    { name: "console", testMatch: "**/*.spec.ts" },
    { name: "screenshots", testMatch: "**/*.shots.ts" },
    { name: "lighthouse", testMatch: "**/*.lighthouse.ts" },
  ],
});
