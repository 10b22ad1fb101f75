import assert from "node:assert/strict";
import { audioFolder } from "../../datasets/audio_folder.ts";
import { clips } from "../../datasets/clips.ts";
import { repeat } from "../../datasets/repeat.ts";
import type { Dataset, Reading } from "../../core/contract.ts";
import type { Columns, Session } from "../../core/request.ts";
import {
  assertBroken,
  failures,
  GENEROUS,
  LIMITS,
  pluginOf,
  sleep,
} from "../../tests/support/broken_plugins.ts";
import { testDataset } from "./mod.ts";
import { checksOf } from "../../tests/support/checks.ts";

testDataset(repeat({ text: "hello" }), { limit: 5 });
testDataset(clips({}));
testDataset(
  audioFolder({ path: new URL("../../clips", import.meta.url).pathname }),
);

/** A dataset of five, which ends when it should. */
async function* five({ signal, pass }: Reading): AsyncGenerator<Session> {
  for (let i = 0; i < 5 && !signal.aborted; i++) {
    await Promise.resolve();
    yield { id: `${pass}-${i}`, turns: [{ columns: { text: `t${i}` } }] };
  }
}

Deno.test("testDataset() catches every kind of broken dataset", async () => {
  const run = (open: () => Dataset, only?: string) => {
    const limits = only === undefined ? GENEROUS : { ...LIMITS, firstMs: 100 };
    return failures(
      checksOf(testDataset, pluginOf("dataset", open), limits),
      only,
    );
  };
  assert.deepEqual(await run(() => ({ sessions: five })), {});
  const pcm = (samples: number) => ({
    id: "a",
    durationMs: 1000,
    file: () => Promise.reject(new Error("none")),
    pcm16: () => Promise.resolve(new Int16Array(samples)),
  });
  const one = (session: unknown): () => Dataset => () => ({
    async *sessions({ signal }) {
      await Promise.resolve();
      if (!signal.aborted) yield session as Session;
    },
  });
  const turn = (columns: object): Session => ({
    id: "a",
    turns: [{ columns: columns as Columns }],
  });
  assert.deepEqual(await run(one(turn({ audio: pcm(16_000) }))), {});
  let opens = 0;
  let reads = 0;
  const cases: [string, RegExp, () => Dataset][] = [
    [
      "can be opened twice at the same time",
      /must yield the same sessions/,
      () => {
        const mine = opens++;
        return {
          sessions: (reading) =>
            one({ ...turn({}), id: `${mine}` })().sessions(reading),
        };
      },
    ],
    [
      "describes itself in plain data",
      /facts\.n must be plain/,
      () => ({ facts: { n: NaN }, sessions: five }),
    ],
    [
      "yields sessions with turns and unique ids",
      /must be unique, but was "a"/,
      () => ({
        async *sessions({ signal }) {
          await Promise.resolve();
          for (let i = 0; i < 2 && !signal.aborted; i++) yield turn({});
        },
      }),
    ],
    [
      "yields sessions with turns and unique ids",
      /must have at least one turn/,
      one({ id: "a", turns: [] }),
    ],
    [
      "yields sessions with turns and unique ids",
      /reference must be a string, but was 1/,
      one(turn({ reference: 1 })),
    ],
    [
      "yields sessions with turns and unique ids",
      /must yield at least one session/,
      () => ({ async *sessions() {} }),
    ],
    [
      "yields the same order for the same seed and pass",
      /must be the same twice, but session 0 differs/,
      () => ({
        sessions: (reading) =>
          one({ ...turn({}), id: `${reads++}` })().sessions(reading),
      }),
    ],
    ["keeps concurrent readings apart", /must not affect another/, () => {
      let next = 0;
      let readers = 0;
      return {
        async *sessions({ signal }) {
          if (readers++ === 0) next = 0;
          try {
            while (next < 5 && !signal.aborted) {
              const id = String(next++);
              await sleep(1);
              yield { ...turn({}), id };
            }
          } finally {
            readers--;
          }
        },
      };
    }],
    [
      "yields its first session quickly, without media",
      /first session must settle within 100 ms/,
      () => ({
        async *sessions(reading) {
          await sleep(150);
          yield* five(reading);
        },
      }),
    ],
    [
      "yields its first session quickly, without media",
      /columns\.clip\.bytes must not contain media/,
      one(turn({ clip: { bytes: new Uint8Array(3) } })),
    ],
    [
      "decodes audio on demand",
      /audio.durationMs must be about the duration of pcm16\(\), 500, but was 1000/,
      one(turn({ audio: pcm(8000) })),
    ],
    [
      "decodes audio on demand",
      /must return samples/,
      one(turn({ audio: pcm(0) })),
    ],
    ["stops when its signal aborts", /yielded 10000 sessions/, () => ({
      async *sessions() {
        for (let i = 0;; i++) {
          await Promise.resolve();
          yield { ...turn({}), id: String(i) };
        }
      },
    })],
    [
      "does not start an aborted reading",
      /must reject with an Error/,
      () => ({
        async *sessions(reading) {
          if (reading.signal.aborted) await Promise.reject("stop");
          yield* five(reading);
        },
      }),
    ],
    [
      "stops when its reader stops",
      /end of a reading must settle within 100 ms/,
      () => ({
        async *sessions(reading) {
          try {
            yield* five(reading);
          } finally {
            await sleep(150);
          }
        },
      }),
    ],
  ];
  await assertBroken(
    cases,
    checksOf(testDataset, pluginOf("dataset", () => 0)),
    (open, promise) => run(open, promise),
  );
});
