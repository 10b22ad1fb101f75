import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/2020";
import type { z } from "zod";
import type { Report, RunInfo, Sample, StageReport } from "../plugins/mod.ts";
import type { SavedLine } from "./samples_file.ts";
import { publishedSchemas, type reportSchema } from "./schema.ts";
import {
  chatReport,
  embeddingsReport,
  failedReport,
  halfFailedReport,
  repeatedReport,
  runInfo,
  searchReport,
  speechReport,
  troubledStage,
} from "../tests/support/report.ts";
import { failedSample, goodSample } from "../tests/support/samples.ts";

/** Every key required, at every depth: a key that only one of two types has makes them differ. */
type Whole<T> = T extends readonly (infer Item)[] ? readonly Whole<Item>[]
  : T extends object ? { readonly [Key in keyof T]-?: Whole<T[Key]> }
  : T;

type Same<A, B> = [A, Whole<A>] extends [B, Whole<B>]
  ? [B, Whole<B>] extends [A, Whole<A>] ? true : false
  : false;

// The check is the compiler's: it refuses these lines where a schema and its type differ.
const reportIsTyped: Same<z.infer<typeof reportSchema>, Report> = true;
type Line<Name extends SavedLine["schema"]> = Omit<
  Extract<SavedLine, { schema: Name }>,
  "schema"
>;
type StageFacts =
  | "name"
  | "repeat"
  | "load"
  | "stop"
  | "window"
  | "stopped"
  | "stopCause"
  | "client";
const linesAreTyped: [
  Same<Line<"earshot.samples/2">, RunInfo>,
  Same<Line<"earshot.sample/1">, Sample>,
  Same<
    Line<"earshot.stage/1">,
    Pick<StageReport, StageFacts> & { index: number; dropped: number }
  >,
  Same<
    Line<"earshot.end/1">,
    Pick<Report, "interrupted" | "error" | "skipped" | "capacities">
  >,
] = [true, true, true, true];

const { schema: _, ...rest } = speechReport;
const { name, load, window, stopped, client } = troubledStage;
const lines: SavedLine[] = [
  { schema: "earshot.samples/2", ...runInfo },
  { schema: "earshot.sample/1", ...goodSample },
  { schema: "earshot.sample/1", ...failedSample },
  {
    schema: "earshot.stage/1",
    index: 0,
    dropped: 3,
    name,
    load,
    window,
    stopped,
    client,
  },
  {
    schema: "earshot.end/1",
    interrupted: true,
    skipped: speechReport.skipped,
  },
];

function validator(file: string, closed: boolean) {
  const ajv = new Ajv2020({ allErrors: true, strict: true });
  const validate = ajv.compile(publishedSchemas(closed)[file]!);
  return (value: unknown): string => {
    validate(JSON.parse(JSON.stringify(value)));
    return (validate.errors ?? []).map(({ instancePath, message, params }) =>
      `${instancePath} ${message} ${JSON.stringify(params)}`
    ).join("\n");
  };
}

const report = validator("report.schema.json", false);
const ownReport = validator("report.schema.json", true);
const line = validator("sample.schema.json", false);
const ownLine = validator("sample.schema.json", true);

for (const file of Object.keys(publishedSchemas())) {
  Deno.test(`publishedSchemas() returns ${file} as it is in docs/schema`, async () => {
    const path = new URL(`../docs/schema/${file}`, import.meta.url);
    const text = `${JSON.stringify(publishedSchemas()[file], undefined, 2)}\n`;
    if (Deno.env.get("UPDATE_GOLDEN") === "1") {
      await Deno.writeTextFile(path, text);
    }
    assert.equal(await Deno.readTextFile(path), text);
  });
}

Deno.test("publishedSchemas() name exactly the keys of the types", () => {
  assert.ok(reportIsTyped && linesAreTyped.every(Boolean));
});

Deno.test("publishedSchemas() accept reports of every kind", () => {
  for (
    const one of [
      speechReport,
      failedReport,
      halfFailedReport,
      searchReport,
      repeatedReport,
      chatReport,
      embeddingsReport,
    ]
  ) {
    assert.equal(report(one), "");
    assert.equal(ownReport(one), "");
  }
});

Deno.test("publishedSchemas() accept every line of a file of samples", () => {
  for (const one of lines) {
    assert.equal(line(one), "");
    assert.equal(ownLine(one), "");
  }
});

Deno.test("publishedSchemas() accept keys of a later version unless closed", () => {
  const later = { ...speechReport, labels: { team: "speech" } };
  assert.equal(report(later), "");
  assert.match(ownReport(later), /additional properties.*labels/);
  const laterLine = { ...lines[1], worker: 3 };
  assert.equal(line(laterLine), "");
  assert.notEqual(ownLine(laterLine), "");
});

/** The fixture with the value at a path replaced, or the key removed. */
function broken(source: unknown, path: string, value?: unknown): unknown {
  const copy = structuredClone(source) as Tree;
  const keys = path.split(".");
  const last = keys.pop()!;
  const parent = keys.reduce((at, key) => at[key] as Tree, copy);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

type Tree = Record<string, unknown>;

const wrongReports: [string, unknown?][] = [
  ["schema", "earshot.report/1"],
  ["schema"],
  ["stages"],
  ["interrupted", "no"],
  ["earshot.version"],
  ["earshot.cores", 0],
  ["run.startedAt", "14.3.2026"],
  ["run.config.backend.use"],
  ["run.config.stop.durationMs", "30s"],
  ["stages.0.window.endMs"],
  ["stages.0.stopped", "done"],
  ["stages.0.counts.ok", 1.5],
  ["stages.0.counts.ok", -1],
  ["stages.0.counts.failures", { cancelled: 0 }],
  ["stages.0.metrics.ttft.p99"],
  ["stages.0.metrics.ttft.p99", "412"],
  ["stages.0.metrics.ttft.n", 0],
  ["stages.0.metrics.ttft.unit", "us"],
  ["stages.0.metrics", { "time to first": {} }],
  ["stages.0.rates.errorRate", 3],
  ["stages.0.quality.wer.normalizer"],
  ["stages.0.client.loopDelay.p50"],
  ["stages.0.verdict.status", "ok"],
  ["stages.0.verdict.reasons", "none"],
  ["skipped.count", -1],
];

for (const [path, value] of wrongReports) {
  const how = value === undefined ? "missing" : JSON.stringify(value);
  Deno.test(`publishedSchemas() reject a report with ${path} ${how}`, () => {
    assert.notEqual(report(broken(speechReport, path, value)), "");
  });
}

Deno.test("publishedSchemas() reject null and misspelled keys", () => {
  const nothing = JSON.stringify(rest).replace('"p50":412.3', '"p50":null');
  const value = { schema: "earshot.report/2", ...JSON.parse(nothing) };
  assert.match(report(value), /ttft\/p50 must be number/);
  assert.notEqual(ownReport(broken(speechReport, "stages.0.rates.rps", 1)), "");
});

const wrongSamples: [string, unknown?][] = [
  ["schema", "earshot.sample/2"],
  ["id", "0"],
  ["phase", "idle"],
  ["marks.final", "440"],
  ["deltas.0.kind", "words"],
  ["deltas.0.atMs"],
  ["audioSent.0.endMs"],
  ["outcome.status", "error"],
  ["outcome.status", "good"],
  ["output.usage.outputTokens", -1],
];

for (const [path, value] of wrongSamples) {
  const how = value === undefined ? "missing" : JSON.stringify(value);
  Deno.test(`publishedSchemas() reject a sample with ${path} ${how}`, () => {
    assert.notEqual(line(broken(lines[1], path, value)), "");
  });
}
