interface Measurement {
  url: string;
  cookie: string;
  profile: "mobile" | "slowed" | "desktop";
  runs: number;
  /** The path of the browser; undefined for one that is found. */
  executable: string | undefined;
}

type Measure = "performance" | "accessibility" | "best-practices" | "fcp" | "lcp" | "tbt" | "cls" | "speedIndex";

interface Findings {
  measured: Record<Measure, number>[];
  medians: Record<Measure, number>;
  complaints: string[];
}

export function measure(what: Measurement): Promise<Findings>;
