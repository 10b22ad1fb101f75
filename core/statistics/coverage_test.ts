import assert from "node:assert/strict";
import {
  figures,
  processes,
  simulateCoverage,
} from "../../tests/support/coverage.ts";

// `deno run bench/coverage.ts` has 1,000 runs of more processes; docs/statistics.md has its table.
const RUNS = 250;

for (const [place, n] of [[0, 2000], [3, 4000]] as const) {
  const process = processes[place]!;
  Deno.test(`95 % intervals contain the true value in 92 to 98 % of runs with ${process.name} latencies of correlation ${process.correlation}`, () => {
    const coverage = simulateCoverage(process, { n, runs: RUNS });
    for (const name of figures) {
      const { inside, given } = coverage[name];
      assert.equal(given, RUNS, name);
      const share = inside / given;
      assert.ok(share >= 0.92 && share <= 0.98, `${name}: ${share}`);
    }
  });
}
