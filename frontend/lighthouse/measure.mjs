import { launch } from "chrome-launcher";
import lighthouse, { desktopConfig } from "lighthouse";

const categories = ["performance", "accessibility", "best-practices"];
const timings = {
  fcp: "first-contentful-paint",
  lcp: "largest-contentful-paint",
  tbt: "total-blocking-time",
  cls: "cumulative-layout-shift",
  speedIndex: "speed-index",
};

/** How many visits may fail: on a busy machine the browser sometimes leaves the start of a visit out of its trace. */
const LOST_MAX = 3;

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/**
 * The settings of each profile. Lighthouse computes its own profiles from a visit at full speed; for `slowed`, the browser itself
 * is slowed down.
 */
const settings = {
  mobile: [{}, undefined],
  slowed: [{ throttlingMethod: "devtools" }, undefined],
  desktop: [{}, desktopConfig],
};

/**
 * Loads a page several times with an empty cache, in a profile: Lighthouse's own `mobile` and `desktop` with their simulated
 * network and processor, or `slowed`, which is `mobile` with both actually slowed down. Returns the scores (0 to 100) and timings
 * (milliseconds; cls has no unit) of each run, the median of each, and what kept a score of any run below 100.
 */
export async function measure({ url, cookie, profile, runs, executable }) {
  const measured = [];
  const complaints = new Set();
  let lost = 0;
  while (measured.length < runs) {
    const chrome = await launch({
      chromePath: executable,
      chromeFlags: ["--headless=new", "--no-sandbox", "--disable-gpu"],
    });
    try {
      const [throttling, config] = settings[profile];
      const options = {
        ...throttling,
        port: chrome.port,
        onlyCategories: categories,
        extraHeaders: { Cookie: cookie },
        logLevel: "error",
      };
      const { lhr } = await lighthouse(url, options, config);
      if (lhr.runtimeError) {
        lost++;
        if (lost > LOST_MAX) throw new Error(lhr.runtimeError.message);
        continue;
      }
      if (new URL(lhr.finalDisplayedUrl).pathname !== new URL(url).pathname)
        throw new Error(`it went to ${lhr.finalDisplayedUrl}`);
      measured.push({
        ...Object.fromEntries(categories.map((name) => [name, Math.round(lhr.categories[name].score * 100)])),
        ...Object.fromEntries(Object.entries(timings).map(([name, audit]) => [name, lhr.audits[audit].numericValue])),
      });
      for (const { id, title, score, scoreDisplayMode, displayValue } of Object.values(lhr.audits)) {
        if (score !== null && score < 0.9 && scoreDisplayMode !== "informative") {
          complaints.add(`${id}: ${title}${displayValue ? ` (${displayValue})` : ""}`);
        }
      }
    } finally {
      await chrome.kill();
    }
  }
  const names = Object.keys(measured[0]);
  const medians = Object.fromEntries(names.map((name) => [name, median(measured.map((each) => each[name]))]));
  return { measured, medians, complaints: [...complaints] };
}
