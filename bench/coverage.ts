/**
 * How often the confidence intervals of a report contain the true value, by simulation: the table of docs/statistics.md.
 *
 * ```sh
 * deno run bench/coverage.ts [RUNS]
 * ```
 *
 * @module
 */
import {
  figures,
  processes,
  simulateCoverage,
} from "../tests/support/coverage.ts";

const runs = Number(Deno.args[0] ?? 1000);
const line = (cells: readonly string[]) =>
  console.log(`| ${cells.join(" | ")} |`);

line(["latencies", "correlation", "requests", ...figures]);
line(Array(figures.length + 3).fill("---"));
for (const process of processes) {
  for (const n of [2000, 4000, 20_000]) {
    const coverage = simulateCoverage(process, { n, runs });
    const shares = figures.map((name) => {
      const { inside, given } = coverage[name];
      const of = given < runs ? ` of ${given}` : "";
      return `${(100 * inside / given).toFixed(1)} %${of}`;
    });
    line([process.name, String(process.correlation), String(n), ...shares]);
  }
}
