import assert from "node:assert/strict";
import type { Backend, Call, Dataset } from "../../core/contract.ts";
import { Replay } from "../../core/replay.ts";
import type { RunInfo } from "../../core/report.ts";
import {
  type EngineOptions,
  type RunResult,
  runStages,
} from "../../core/run.ts";
import type { Sample } from "../../core/sample.ts";
import {
  type ManualClock,
  manualClock,
} from "../../plugins/testing/manual_clock.ts";
import { closedLoop } from "./loads.ts";

/** A backend that answers after `ms`, and a clock that a test moves for it. */
export function answering(ms: number, more: Partial<Backend> = {}): Backend {
  return {
    needs: ["text"],
    async send(_request, { clock, signal, read, output }: Call) {
      await clock.sleepUntil(clock.now() + ms, signal);
      output(read(2), { kind: "text", text: "ok" });
      return { usage: { outputTokens: 1 } };
    },
    ...more,
  };
}

export function items(...ids: string[]): Dataset {
  return {
    async *sessions() {
      for (const id of ids) {
        yield { id, turns: [{ columns: { text: id, reference: "ok" } }] };
      }
    },
  };
}

/** A run on a manual clock. */
export interface Ran {
  readonly samples: readonly Sample[];
  readonly skips: readonly string[];
  readonly loadingMs: number | undefined;
  readonly result: RunResult;
}

/** Runs, moving the clock from task to task until the run ends or `untilMs` has come. */
export async function runWith(
  options: Partial<EngineOptions> & { clock?: ManualClock },
): Promise<Ran> {
  const clock = options.clock ?? manualClock();
  const samples: Sample[] = [];
  const skips: string[] = [];
  let loadingMs: number | undefined;
  let over = false;
  const running = runStages({
    backend: answering(10),
    dataset: items("a", "b", "c"),
    load: closedLoop([1]),
    stop: {},
    seed: 1,
    normalizer: "basic",
    strict: false,
    signal: new AbortController().signal,
    listener: {
      start: (begun) => loadingMs = begun.loadingMs,
      samples: (batch) => void samples.push(...batch),
      progress() {},
      stage() {},
      late() {},
      skip: (id, reason) => void skips.push(`${id}: ${reason}`),
    },
    ...options,
    clock,
  }).finally(() => over = true);
  running.catch(() => {});
  await clock.settle();
  for (let steps = 0; !over; steps++) {
    assert.ok(steps < 100_000, "the run hangs");
    if (!await clock.tick()) await clock.settle();
  }
  const result = await running;
  assert.equal(clock.pending, 0, "no timer is left behind");
  assertReplays(result, samples, options);
  return { samples, skips, loadingMs, result };
}

/** Asserts that the saved samples of a run give the same report. */
function assertReplays(
  { stages, skipped, interrupted }: RunResult,
  samples: readonly Sample[],
  { stop = {}, normalizer = "basic", slos = [] }: Partial<EngineOptions>,
): void {
  const config = { stop, normalizer, slos: slos.map(({ text }) => text) };
  const again = new Replay({
    info: { run: { config, facts: {} } } as unknown as RunInfo,
    stages: stages.map(({ counts: { dropped }, ...stage }) => ({
      ...stage,
      dropped,
    })),
    skipped,
    interrupted,
  });
  for (const sample of samples) again.add(sample);
  assert.deepEqual(again.report().stages, stages);
}
