import assert from "node:assert/strict";
import { normalizers } from "../quality.ts";
import type { Rates, Summary } from "../report.ts";
import type { Instant } from "../sample.ts";
import { clientMetrics, metrics, shareMetrics } from "./table.ts";

const page = await Deno.readTextFile(
  new URL("../../docs/metrics.md", import.meta.url),
);

/** The rows of the tables under a heading, each as its cells. */
function rows(heading: string): string[][] {
  const section = page.split(/^## /m).find((one) => one.startsWith(heading));
  assert.ok(section, `no section ${heading}`);
  return section.split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

function names(heading: string): string[] {
  return rows(heading).map(([name]) => name!.replaceAll("`", ""));
}

Deno.test("docs/metrics.md has every metric in order, with its unit and formula, and none that does not exist", () => {
  const written = ["Latency", "Tokens", "Speech"].flatMap(rows);
  const expected = (table: typeof metrics) =>
    table.map(({ name, unit, formula }) => [`\`${name}\``, unit, formula]);
  assert.deepEqual(
    written.map((cells) => cells.slice(0, 3)),
    expected(metrics),
  );
  assert.deepEqual(
    rows("Client").map((cells) => cells.slice(0, 3)),
    expected([...clientMetrics, ...shareMetrics]),
  );
  for (const [name, , , absent] of [...written, ...rows("Client")]) {
    assert.ok(absent, name);
  }
});

Deno.test("docs/metrics.md has every instant", () => {
  const instants: Record<Instant, true> = {
    connected: true,
    ready: true,
    requestSent: true,
    headers: true,
    firstByte: true,
    firstEvent: true,
    streamStart: true,
    endSent: true,
    final: true,
  };
  assert.deepEqual(names("Instants"), [
    "scheduled",
    "dispatched",
    ...Object.keys(instants),
    "ended",
  ]);
});

Deno.test("docs/metrics.md has every rate, statistic and normalizer", () => {
  const rates: Record<keyof Rates, true> = {
    errorRate: true,
    requestsPerSecond: true,
    goodput: true,
    inputTokensPerSecond: true,
    outputTokensPerSecond: true,
    embeddingsPerSecond: true,
    rtfxAggregate: true,
  };
  assert.deepEqual(names("Rates"), Object.keys(rates));
  assert.deepEqual(names("Word"), Object.keys(normalizers));
  const statistics: Record<keyof Summary, true> = {
    n: true,
    mean: true,
    sd: true,
    min: true,
    max: true,
    p5: true,
    p50: true,
    p90: true,
    p95: true,
    p99: true,
    p999: true,
    quantileError: true,
  };
  const section = page.split("## Statistics")[1]!;
  for (const name of Object.keys(statistics)) {
    assert.match(section, new RegExp(`\\b${name}\\b`));
  }
});
