import assert from "node:assert/strict";
import { echo } from "../../backends/echo.ts";
import { repeat } from "../../datasets/repeat.ts";
import { poisson } from "../../loads/open_loop.ts";
import { consoleReporter } from "../../reporters/console/console.ts";
import { csvReporter } from "../../reporters/csv.ts";
import { htmlReporter } from "../../reporters/html/html.ts";
import { jsonReporter } from "../../reporters/json.ts";
import { jsonlReporter } from "../../reporters/jsonl.ts";
import { junitReporter } from "../../reporters/junit.ts";
import { markdownReporter } from "../../reporters/markdown.ts";
import type { Reporter } from "../../core/contract.ts";
import {
  assertBroken,
  failures,
  GENEROUS,
  LIMITS,
  pluginOf,
} from "../../tests/support/broken_plugins.ts";
import type { Configured } from "../plugin.ts";
import {
  manualClock,
  testBackend,
  testDataset,
  testLoad,
  testReporter,
} from "./mod.ts";
import { checksOf } from "../../tests/support/checks.ts";

/** Registers a reporter's suite over a file that is removed again. */
function testFileReporter(of: (path: string) => Configured<"reporter">): void {
  const names = checksOf(testReporter, of("unused")).map(({ name }) => name);
  for (const [i, name] of names.entries()) {
    Deno.test(name, async () => {
      const path = await Deno.makeTempFile();
      try {
        await checksOf(testReporter, of(path))[i]!.run();
      } finally {
        await Deno.remove(path);
      }
    });
  }
}
testFileReporter((path) => jsonReporter({ path }));
testFileReporter((path) => csvReporter({ path }));
testFileReporter((path) => jsonlReporter({ path }));
testFileReporter((path) => markdownReporter({ path }));
testFileReporter((path) => junitReporter({ path }));
testFileReporter((path) => htmlReporter({ path }));

Deno.test("testReporter() hands its checks to any framework", async () => {
  const found: string[] = [];
  const test = (name: string) => void found.push(name);
  testReporter(consoleReporter({}), { test });
  testBackend(echo({}), { test });
  testDataset(repeat({ text: "x" }), { test });
  testLoad(poisson({ rates: [1] }), { test });
  for (
    const name of [
      "console reports a whole run",
      "echo answers",
      "repeat decodes audio on demand",
      "poisson rejects invalid options",
    ]
  ) assert.ok(found.includes(name), name);
  assert.equal(new Set(found).size, found.length);
  const clock = manualClock();
  await clock.advance(5);
  assert.equal(clock.now(), 5);
});

Deno.test("testReporter() catches every kind of broken reporter", async () => {
  const run = (parts: Partial<Reporter>, only?: string) => {
    const it = pluginOf("reporter", () => ({ report() {}, ...parts }));
    return failures(
      checksOf(testReporter, it, only === undefined ? GENEROUS : LIMITS),
      only,
    );
  };
  assert.deepEqual(await run({}), {});
  let total = 0;
  let isStarted = false;
  let sampled = false;
  const cases: [string, RegExp, Partial<Reporter>][] = [
    ["reports a whole run", /must settle within 300 ms/, {
      report: () => new Promise(() => {}),
    }],
    [
      "does not change the data that it receives",
      /not extensible|read only|object is not/i,
      { samples: (batch) => void (batch as unknown[]).reverse() },
    ],
    ["does not change the data that it receives", /./, {
      report: (report) => void Object.assign(report, { mine: 1 }),
    }],
    [
      "returns nothing while the run continues",
      /samples\(\) must return nothing/,
      { samples: (async () => {}) as never },
    ],
    ["accepts many samples", /too many/, {
      start: () => void (total = 0),
      samples(batch) {
        if ((total += batch.length) > 1000) throw new Error("too many");
      },
    }],
    ["reports a run without stages", /undefined/, {
      report: ({ stages }) => void stages[0]!.name,
    }],
    ["reports a stage without observations", /undefined/, {
      stage: ({ metrics }) => void metrics.latency!.p50,
    }],
    [
      "reports an interrupted run with skipped data",
      /interrupted/,
      {
        report({ interrupted }) {
          if (interrupted) throw new Error("interrupted");
        },
      },
    ],
    ["reports a run from its report alone", /no start/, {
      start: () => void (isStarted = true),
      report({ stages }) {
        if (!isStarted && stages.length > 0) throw new Error("no start");
        isStarted = false;
      },
      [Symbol.asyncDispose]: () => (isStarted = false, Promise.resolve()),
    }],
    ["can be disposed of without a report", /no report/, {
      start: () => void (sampled = true),
      report: () => void (sampled = false),
      [Symbol.asyncDispose]: () =>
        sampled ? Promise.reject(new Error("no report")) : Promise.resolve(),
    }],
  ];
  await assertBroken(
    cases,
    checksOf(testReporter, pluginOf("reporter", () => 0)),
    (parts, promise) => run(parts, promise),
  );
});
