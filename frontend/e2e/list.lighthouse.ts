import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium as playwrightChromium } from "@playwright/test";
import { measure } from "../lighthouse/measure.mjs";
import { chromium } from "./fixtures/chromium";
import { expect, test } from "./fixtures/console";

// Measures the signed-in list with 100 rows: `npm run lighthouse`. It is not part of the tests, because the results depend on
// how busy the machine is. LIGHTHOUSE_RUNS sets the number of runs. If LIGHTHOUSE_RESULTS names a folder, the figures of all
// runs are written there, one file per profile, and no limits are checked.

const RUNS = Number(process.env.LIGHTHOUSE_RUNS ?? 3);
const RESULTS = process.env.LIGHTHOUSE_RESULTS;
const ROWS = 100;

test.setTimeout(15 * 60_000);

for (const profile of ["mobile", "slowed", "desktop"] as const) {
  test(`the list with ${ROWS} rows, ${profile}`, async ({ service, admin }) => {
    for (let row = 1; row <= ROWS; row++) await admin.createKey({ name: `Integration ${row}` });
    const { cookies } = await admin.storageState();
    const { measured, medians, complaints } = await measure({
      url: `${service.url}/api-keys?page_size=${ROWS}`,
      cookie: cookies.map(({ name, value }) => `${name}=${value}`).join("; "),
      profile,
      runs: RUNS,
      executable: chromium() ?? playwrightChromium.executablePath(),
    });
    process.stdout.write(
      `${profile}: ${JSON.stringify(medians, null, 2)}\n${complaints.map((each) => `  ${each}\n`).join("")}`,
    );
    if (RESULTS) {
      await writeFile(join(RESULTS, `${profile}.json`), JSON.stringify(measured));
      return;
    }
    if (profile !== "slowed") expect.soft(medians.performance).toBeGreaterThanOrEqual(95);
    expect.soft(medians.accessibility).toBe(100);
    expect.soft(medians["best-practices"]).toBe(100);
    if (profile !== "desktop") expect.soft(medians.lcp).toBeLessThanOrEqual(1800);
  });
}
