import assert from "node:assert/strict";
import { goodStage, runInfo } from "../tests/support/report.ts";
import { type PageUpdate, updatedPage } from "./page_update.ts";

const START: PageUpdate = { info: runInfo, metrics: [], stages: {} };
const DETAILS = { histograms: {}, requests: [], spread: [], utterances: [] };

Deno.test("updatedPage() puts stages in their places and keeps the rest", () => {
  const first = updatedPage(undefined, {
    ...START,
    stages: { 0: { details: DETAILS } },
  });
  const second = updatedPage(first, {
    stages: { 0: { report: goodStage }, 1: { details: DETAILS } },
  });
  assert.deepEqual(second, {
    info: runInfo,
    metrics: [],
    stages: [{ report: goodStage }, { details: DETAILS }],
  });
});

Deno.test("updatedPage() has the state of the running stage only from the last update", () => {
  const progress = { name: "8 streams" } as PageUpdate["progress"] & object;
  const first = updatedPage(undefined, { ...START, progress });
  assert.equal(first.progress, progress);
  assert.equal(updatedPage(first, { stages: {} }).progress, undefined);
});

Deno.test("updatedPage() begins again with another run", () => {
  const first = updatedPage(undefined, {
    ...START,
    stages: { 0: { report: goodStage } },
  });
  const again = updatedPage(first, START);
  assert.equal(again.stages.length, 1);
  const run = { ...runInfo.run, id: "another" };
  const other = updatedPage(first, { ...START, info: { ...runInfo, run } });
  assert.deepEqual(other.stages, []);
});
