import { describe, expect, it } from "vitest";
import type { UsagePoint } from "../api/key-usage";
import { barsPath, HEIGHT, margin, plotOf } from "./plot";

const hours: UsagePoint[] = Array.from({ length: 24 }, (_, hour) => ({
  start: new Date(Date.UTC(2026, 10, 20, hour)).toISOString(),
  issued: hour * 1000,
  denied: hour === 3 ? 1 : 0,
}));

describe("the plot of a chart", () => {
  it("finds the point whose band is under the pointer, and the nearest one beside the bands", () => {
    const plot = plotOf(hours, 600);
    hours.forEach((_, index) => {
      expect(plot.indexAt(plot.bandMiddle(index))).toBe(index);
      expect(plot.indexAt(plot.bandStart(index) + 0.01)).toBe(index);
    });
    expect(plot.indexAt(0)).toBe(0);
    expect(plot.indexAt(600)).toBe(23);
  });

  it("finds nothing before the chart has a width, nor among no points", () => {
    expect(plotOf(hours, 0).indexAt(10)).toBeUndefined();
    expect(plotOf([], 600).indexAt(10)).toBeUndefined();
  });

  it("keeps all values between the margins", () => {
    const plot = plotOf(hours, 600);
    expect(plot.y(0)).toBe(HEIGHT - margin.bottom);
    for (const { issued, denied } of hours) expect(plot.y(issued + denied)).toBeGreaterThanOrEqual(margin.top);
  });

  it("draws a bar for every value, and one that can be seen for a single refusal among thousands of tokens", () => {
    const plot = plotOf(hours, 600);
    const issued = barsPath(
      plot,
      hours,
      () => 0,
      (point) => point.issued,
    );
    expect(issued.match(/M/g)).toHaveLength(23);
    const denied = barsPath(
      plot,
      hours,
      (point) => point.issued,
      (point) => point.issued + point.denied,
    );
    expect(denied.match(/v-([\d.]+)/)?.[1]).toBe("1.5");
    expect(denied.match(/M/g)).toHaveLength(1);
  });
});
