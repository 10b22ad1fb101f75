import assert from "node:assert/strict";
import type { Dataset } from "../../core/contract.ts";
import type { EngineOptions } from "../../core/run.ts";
import { runStages } from "../../core/run.ts";
import type { Sample } from "../../core/sample.ts";
import type { StageReport } from "../../core/report.ts";
import type { Turn } from "../../core/request.ts";
import { parseSlos } from "../../core/slo.ts";
import { random } from "../../lib/random.ts";
import type { Configured, LoadProfile } from "../../plugins/mod.ts";
import { manualClock } from "../../plugins/testing/manual_clock.ts";

/** Settings of {@linkcode offer}. */
export interface OfferOptions
  extends Partial<Pick<EngineOptions, "stop" | "shard" | "seed">> {
  /** Time in which request number `id` is answered, in milliseconds. @default 200 to 600 ms at random */
  readonly latencyMs?: (id: number) => number;
  /** Turns of each session. @default One turn */
  readonly turns?: readonly Turn[];
  /** Recorded start of each session, in milliseconds. @default Sessions without end and without times */
  readonly startsMs?: readonly number[];
  /** Receives the number of connections that are opened before each stage. */
  readonly connect?: (count: number) => void;
}

/** The requests of a run and the reports of its stages. */
export interface Offered {
  readonly samples: readonly Sample[];
  readonly stages: readonly StageReport[];
}

/** Opens a load, as a run does. */
export function openLoad(load: Configured<"load">): Promise<LoadProfile> {
  const { signal } = new AbortController();
  return load.open({ env: () => undefined, signal, warn() {} });
}

/** Offers a load through the engine to a server that answers every request, on a manual clock. */
export async function offer(
  load: Configured<"load">,
  options: OfferOptions = {},
): Promise<Offered> {
  const { stop = {}, shard, seed = 1, connect, latencyMs = spread } = options;
  const clock = manualClock();
  const samples: Sample[] = [];
  let isOver = false;
  const running = runStages({
    backend: {
      needs: ["text"],
      connect(count) {
        connect?.(count);
        return Promise.resolve([]);
      },
      async send({ id }, { clock, signal }) {
        await clock.sleepUntil(clock.now() + latencyMs(id), signal);
        return {};
      },
    },
    dataset: datasetOf(options),
    load: await openLoad(load),
    stop,
    ...(shard && { shard }),
    slos: parseSlos([]),
    seed,
    normalizer: "none",
    strict: false,
    signal: new AbortController().signal,
    clock,
    listener: {
      start() {},
      samples: (batch) => void samples.push(...batch),
      progress() {},
      stage() {},
      skip() {},
      late() {},
    },
  }).finally(() => isOver = true);
  running.catch(() => {});
  await clock.settle();
  for (let steps = 0; !isOver; steps++) {
    assert.ok(steps < 100_000, "the run hangs");
    if (!await clock.tick()) await clock.settle();
  }
  const { stages, error } = await running;
  assert.equal(error, undefined);
  assert.equal(clock.pending, 0, "no timer is left behind");
  const inOrder = samples.toSorted((a, b) => a.id - b.id);
  return { samples: inOrder, stages };
}

function datasetOf(
  { turns = [{ columns: { text: "hello" } }], startsMs }: OfferOptions,
): Dataset {
  return {
    isEndless: startsMs === undefined,
    async *sessions() {
      for (let i = 0; i < (startsMs?.length ?? Infinity); i++) {
        const session = { id: `session ${i}`, turns };
        yield startsMs ? { ...session, startMs: startsMs[i]! } : session;
      }
    },
  };
}

function spread(id: number): number {
  return 200 + 400 * random(id, "latency")();
}
