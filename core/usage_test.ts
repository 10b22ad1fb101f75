import assert from "node:assert/strict";
import { manualClock } from "../plugins/testing/manual_clock.ts";
import type { Backend } from "./contract.ts";
import { UsageCompleter } from "./usage.ts";
import type { InferenceRequest } from "./request.ts";
import type { Sample, Usage } from "./sample.ts";
import { sample } from "../tests/support/sample.ts";

const request: InferenceRequest = {
  id: 0,
  turn: { columns: {} },
  prepared: undefined,
  session: { id: "session", turn: 0, history: [] },
};

function started(countTokens?: Backend["countTokens"]) {
  const seen: Sample[] = [];
  const backend: Backend = {
    needs: [],
    send: () => Promise.resolve({}),
    ...(countTokens && { countTokens }),
  };
  const { signal } = new AbortController();
  const put = (each: Sample) => void seen.push(each);
  const usage = new UsageCompleter(backend, {
    put,
    signal,
    clock: manualClock(),
  });
  return { seen, take: usage.add.bind(usage), settled: () => usage.settled() };
}

Deno.test("UsageCompleter passes on at once what the server has counted, and what failed", () => {
  const { seen, take } = started(() => Promise.reject(new Error("not asked")));
  const usage = { inputTokens: 1, outputTokens: 2 };
  const samples = [
    sample({ output: { usage } }),
    sample({
      outcome: { status: "error", failure: { class: "closed", message: "" } },
    }),
  ];
  for (const each of samples) take(each, request);
  assert.deepEqual(seen, samples);
});

Deno.test("UsageCompleter adds what the server did not say, and keeps what it said", async () => {
  const { seen, take, settled } = started(() =>
    Promise.resolve({
      inputTokens: 7,
      outputTokens: 9,
      countedBy: { input: "characters", output: "tokenize" },
    })
  );
  take(sample({ output: { text: "a", usage: { inputTokens: 3 } } }), request);
  take(sample({ output: { text: "b" } }), request);
  await settled();
  assert.deepEqual(seen.map(({ output }) => output), [
    {
      text: "a",
      usage: {
        inputTokens: 3,
        outputTokens: 9,
        countedBy: { output: "tokenize" },
      },
    },
    {
      text: "b",
      usage: {
        inputTokens: 7,
        outputTokens: 9,
        countedBy: { input: "characters", output: "tokenize" },
      },
    },
  ]);
});

const piece = { atMs: 1, kind: "text", text: "a" } as const;
const nothing = { ...piece, text: "" };

/** Usage of a sample with a number of deltas, after counting. */
async function usageOf(
  usage: Usage,
  { deltas = [piece, piece], counted, text = "aa" }: {
    readonly deltas?: Sample["deltas"];
    readonly counted?: Usage;
    readonly text?: string;
  },
): Promise<{ usage: Usage | undefined; isAsked: boolean }> {
  let isAsked = false;
  const { seen, take, settled } = started(() => {
    isAsked = true;
    return counted ? Promise.resolve(counted) : Promise.reject(new Error("no"));
  });
  take(sample({ deltas, output: { text, usage } }), request);
  await settled();
  return { usage: seen[0]?.output.usage, isAsked };
}

Deno.test("UsageCompleter asks again where the server's count cannot be right, and takes the answer", async () => {
  const counted: Usage = { outputTokens: 2, countedBy: { output: "deltas" } };
  for (const outputTokens of [0, 1]) {
    const server = { inputTokens: 5, outputTokens, reasoningTokens: 1 };
    assert.deepEqual(await usageOf(server, { counted }), {
      usage: { ...server, ...counted },
      isAsked: true,
    });
    // Who looks again may find it right, or not be able to.
    for (const none of [{}, undefined]) {
      const { usage, isAsked } = await usageOf(server, {
        ...(none && { counted: none }),
      });
      assert.ok(isAsked);
      assert.equal(usage?.outputTokens, outputTokens || undefined);
      assert.ok(!("outputTokens" in usage!) || outputTokens > 0);
      assert.equal(usage?.countedBy, undefined);
    }
  }
});

Deno.test("UsageCompleter asks again where no token of the input was counted, and leaves out a 0 that nobody confirms", async () => {
  const server = { inputTokens: 0, outputTokens: 2 };
  const cases: readonly (readonly [Usage, Usage])[] = [
    [{}, { outputTokens: 2 }],
    [{ inputTokens: 0 }, server],
    [{ inputTokens: 7, countedBy: { input: "tokenize" } }, {
      inputTokens: 7,
      outputTokens: 2,
      countedBy: { input: "tokenize" },
    }],
  ];
  for (const [counted, usage] of cases) {
    assert.deepEqual(await usageOf(server, { counted }), {
      usage,
      isAsked: true,
    });
  }
});

Deno.test("UsageCompleter takes the server's word where it may be right", async () => {
  const cases: readonly (readonly [number, Sample["deltas"], string])[] = [
    [2, [piece, piece], "aa"],
    [2, [piece, nothing, piece, nothing], "aa"],
    [9, [piece], "a"],
    [0, [nothing], ""],
    [0, [], ""],
    [1, [], "a"],
  ];
  for (const [outputTokens, deltas, text] of cases) {
    const usage = { inputTokens: 5, outputTokens };
    assert.deepEqual(await usageOf(usage, { deltas, text }), {
      usage,
      isAsked: false,
    });
  }
});

Deno.test("UsageCompleter passes every sample on where counting fails, many at a time", async () => {
  let running = 0, most = 0;
  const { seen, take, settled } = started(async () => {
    most = Math.max(most, ++running);
    await Promise.resolve();
    running--;
    throw new Error("cannot");
  });
  for (let id = 0; id < 100; id++) take(sample({ id }), request);
  await settled();
  assert.equal(seen.length, 100);
  assert.ok(seen.every(({ output }) => output.usage === undefined));
  assert.equal(most, 16);
});

Deno.test("UsageCompleter passes a sample on where the backend breaks its contract", async () => {
  const broken: readonly Backend["countTokens"][] = [
    () => {
      throw new Error("at once");
    },
    () => Promise.resolve(undefined as unknown as Usage),
  ];
  for (const countTokens of broken) {
    const { seen, take, settled } = started(countTokens);
    take(sample(), request);
    await settled();
    assert.deepEqual(seen, [sample()]);
  }
});

Deno.test("UsageCompleter leaves a backend its own this", async () => {
  const { seen, take, settled } = started(function (this: unknown) {
    assert.ok(this);
    return Promise.resolve({ inputTokens: 1, outputTokens: 2 });
  });
  take(sample(), request);
  await settled();
  assert.equal(seen[0]?.output.usage?.inputTokens, 1);
});

Deno.test("UsageCompleter passes everything on where the backend cannot count", () => {
  const { seen, take } = started();
  take(sample(), request);
  assert.equal(seen.length, 1);
});

Deno.test("UsageCompleter drops a 0 beside output where the backend cannot count, and keeps what may be right", () => {
  const { seen, take } = started();
  const said = (outputTokens: number) =>
    sample({ output: { text: "a", usage: { inputTokens: 3, outputTokens } } });
  take(said(0), request);
  take(said(1), request);
  assert.deepEqual(seen.map(({ output }) => output.usage), [
    { inputTokens: 3 },
    { inputTokens: 3, outputTokens: 1 },
  ]);
});

Deno.test("UsageCompleter leaves uncounted what would wait too long, and passes on everything", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { seen, take, settled } = started(async () => {
    await promise;
    return { outputTokens: 1 };
  });
  for (let id = 0; id < 5000; id++) take(sample({ id }), request);
  assert.equal(seen.length, 5000 - 16 - 4096);
  resolve();
  await settled();
  assert.equal(seen.length, 5000);
  assert.equal(
    seen.filter(({ output }) => output.usage?.outputTokens === 1).length,
    16 + 4096,
  );
});

Deno.test("UsageCompleter passes samples on uncounted where an interrupted backend never ends its counts", async () => {
  const clock = manualClock();
  const interrupt = new AbortController();
  const seen: Sample[] = [];
  const usage = new UsageCompleter({
    needs: [],
    send: () => Promise.resolve({}),
    countTokens: () => new Promise(() => {}),
  }, {
    put: (each) => void seen.push(each),
    signal: interrupt.signal,
    clock,
  });
  const samples = Array.from({ length: 40 }, (_, id) => sample({ id }));
  for (const each of samples) usage.add(each, request);
  const done = usage.settled();
  await clock.advance(60_000);
  assert.deepEqual(seen, [], "a count may take its time");
  interrupt.abort();
  await clock.advance(1000);
  await done;
  assert.deepEqual(new Set(seen), new Set(samples));
  assert.equal(clock.pending, 0);
});

Deno.test("UsageCompleter leaves samples uncounted that would take too much memory", async () => {
  const gate = Promise.withResolvers<Usage>();
  const { seen, take, settled } = started(() => gate.promise);
  const text = "x".repeat(1024 * 1024);
  const deltas = [{ atMs: 0, kind: "text", text }] as const;
  for (let id = 0; id < 100; id++) take(sample({ id, deltas }), request);
  assert.ok(seen.length >= 60, `${seen.length} of 100 times 2 MiB`);
  gate.resolve({ inputTokens: 1, outputTokens: 1 });
  await settled();
  assert.equal(seen.length, 100);
});
