import assert from "node:assert/strict";
import { audioFolder } from "../../datasets/audio_folder.ts";
import { clips } from "../../datasets/clips.ts";
import { repeat } from "../../datasets/repeat.ts";
import { echo } from "../../backends/echo.ts";
import { poisson } from "../../loads/poisson.ts";
import { consoleReporter } from "../../reporters/console.ts";
import { csvReporter } from "../../reporters/csv.ts";
import { jsonReporter } from "../../reporters/json.ts";
import { jsonlReporter } from "../../reporters/jsonl.ts";
import type {
  Backend,
  Call,
  Dataset,
  Reading,
  Reporter,
} from "../../core/contract.ts";
import type { LoadProfile, Stage } from "../../core/load.ts";
import type { Columns, Session } from "../../core/request.ts";
import {
  type Configured,
  define,
  type Kind,
  type OpenContext,
} from "../plugin.ts";
import {
  backendChecks,
  type Check,
  datasetChecks,
  loadChecks,
  manualClock,
  reporterChecks,
  testBackend,
  testDataset,
  testLoad,
  testReporter,
} from "./mod.ts";

// What is built in keeps its promises.
testBackend(echo({}));
testDataset(repeat({ text: "hello" }), { limit: 5 });
testDataset(clips({}));
testDataset(
  audioFolder({ path: new URL("../../clips", import.meta.url).pathname }),
);

/** Registers a reporter's suite over a file that is removed again. */
function testFileReporter(of: (path: string) => Configured<"reporter">): void {
  const names = reporterChecks(of("unused")).map(({ name }) => name);
  for (const [i, name] of names.entries()) {
    Deno.test(name, async () => {
      const path = await Deno.makeTempFile();
      try {
        await reporterChecks(of(path))[i]!.run();
      } finally {
        await Deno.remove(path);
      }
    });
  }
}
testFileReporter((path) => jsonReporter({ path }));
testFileReporter((path) => csvReporter({ path }));
testFileReporter((path) => jsonlReporter({ path }));

Deno.test("testReporter() hands its checks to any framework", async () => {
  const found: string[] = [];
  const test = (name: string) => void found.push(name);
  testReporter(consoleReporter({}), { test });
  testBackend(echo({}), { test });
  testDataset(repeat({ text: "x" }), { test });
  testLoad(poisson({ rates: [1] }), { test });
  assert.deepEqual(
    found,
    [
      ...reporterChecks(consoleReporter({})),
      ...backendChecks(echo({})),
      ...datasetChecks(repeat({ text: "x" })),
      ...loadChecks(poisson({ rates: [1] })),
    ].map(({ name }) => name),
  );
  assert.equal(new Set(found).size, found.length);
  const clock = manualClock();
  await clock.advance(5);
  assert.equal(clock.now(), 5);
});

/** A plugin that opens to whatever is given. */
function plugin<K extends Kind>(
  kind: K,
  open: (context: OpenContext) => unknown,
): Configured<K> {
  const validate = (value: unknown) => ({ value });
  return define(kind, {
    name: "it",
    summary: "It",
    options: { "~standard": { version: 1, vendor: "test", validate } },
    open: (_options, context) => open(context) as never,
  })({});
}

/** What the checks that fail say, or one of them alone. */
async function broken(
  checks: readonly Check[],
  only?: string,
): Promise<Record<string, string>> {
  const said: Record<string, string> = {};
  for (const { name, run } of checks) {
    const promise = name.replace(/^it /, "");
    if (only !== undefined && only !== promise) continue;
    await run().catch((error) => {
      assert.ok(error instanceof Error);
      said[promise] = error.message;
    });
  }
  await Promise.all(sleeps.splice(0));
  return said;
}

/** What broken plugins still wait for when their check has given them up. */
const sleeps: Promise<void>[] = [];

function sleep(ms: number): Promise<void> {
  const slept = new Promise<void>((resolve) => setTimeout(resolve, ms));
  sleeps.push(slept);
  return slept;
}

const GENEROUS = { graceMs: 2000, timeoutMs: 10_000 };
const LIMITS = { graceMs: 100, timeoutMs: 300 };

const good = (): Backend => ({
  needs: ["text"],
  facts: { model: "none" },
  prepare: (turn) => Promise.resolve({ text: turn.columns.text }),
  async send(_request, call) {
    await call.clock.sleepUntil(call.clock.now() + 5, call.signal);
    call.mark("connected");
    call.mark("ready");
    call.output(call.read(2), { kind: "text", text: "ok" });
    return { usage: { outputTokens: 1 } };
  },
});

/** What the checks say of a backend that differs from a good one in this. */
async function fault(
  parts: Partial<Backend> | ((context: OpenContext) => Partial<Backend>),
  only?: string,
): Promise<Record<string, string>> {
  const it = plugin("backend", (context) => ({
    ...good(),
    ...(typeof parts === "function" ? parts(context) : parts),
  }));
  const env = { KEY: "s3cret" };
  const limits = only === undefined ? GENEROUS : LIMITS;
  return await broken(backendChecks(it, { ...limits, env }), only);
}

/** A backend that answers as told. */
const sends = (send: (call: Call) => unknown): Partial<Backend> => ({
  send: async (_request, call) => (await send(call)) as never,
});

Deno.test("backendChecks() finds nothing wrong with a good backend", async () => {
  assert.deepEqual(await fault({}), {});
  const prepares = {
    prepare: () => Promise.resolve({ list: [1, new Uint8Array(2)] }),
  };
  assert.deepEqual(await fault(prepares), {});
});

Deno.test("backendChecks() catches every kind of broken backend", async () => {
  let count = 0;
  const opened = { now: false };
  const cases: [string, RegExp, Parameters<typeof fault>[0]][] = [
    ["can be opened again while it is open", /only one/, () => {
      if (opened.now) throw new Error("only one");
      opened.now = true;
      return {
        [Symbol.asyncDispose]: () => (opened.now = false, Promise.resolve()),
      };
    }],
    ["says what it needs and is, in plain data", /'needs' must be a list/, {
      needs: "text" as never,
    }],
    [
      "says what it needs and is, in plain data",
      /turn must have every column/,
      { needs: ["audio"] },
    ],
    [
      "says what it needs and is, in plain data",
      /facts\.when must be plain JSON/,
      { facts: { when: new Date(0) } },
    ],
    [
      "says what it needs and is, in plain data",
      /must not tell a secret/,
      ({ env }) => ({ facts: { key: `Bearer ${env("KEY")}` } }),
    ],
    ["says what it needs and is, in plain data", /'spreadMs' must be/, {
      spreadMs: -1,
    }],
    [
      "prepares the same from the same turn, and leaves the turn alone",
      /the same twice/,
      { prepare: () => Promise.resolve(count++) },
    ],
    [
      "answers, and says what completes the answer",
      /must resolve with an object/,
      sends((call) => void call.output(call.read(1), { kind: "text" })),
    ],
    [
      "answers, and says what completes the answer",
      /'usage.outputTokens' must be a count/,
      sends((call) => {
        call.output(call.read(1), { kind: "text" });
        return { usage: { outputTokens: -1 } };
      }),
    ],
    [
      "answers, and says what completes the answer",
      /must record what it received/,
      sends(() => ({})),
    ],
    [
      "stamps each read before the output that it carried",
      /read\(\) must be called before/,
      sends((call) => {
        call.output(call.clock.now(), { kind: "text", text: "x" });
        return {};
      }),
    ],
    [
      "stamps each read before the output that it carried",
      /the time that read\(\) returned/,
      sends((call) => {
        call.output(call.read(1) + 1, { kind: "text", text: "x" });
        return {};
      }),
    ],
    [
      "stamps each read before the output that it carried",
      /a known kind/,
      sends((call) => {
        call.output(call.read(1), { kind: "word" as never });
        return {};
      }),
    ],
    [
      "marks instants in their order, and within the request",
      /'connected' must not be later than 'ready'/,
      sends(async (call) => {
        call.mark("ready");
        await call.clock.sleepUntil(call.clock.now() + 2);
        call.mark("connected");
        return { text: "" };
      }),
    ],
    [
      "marks instants in their order, and within the request",
      /'ready' must lie within/,
      sends((call) => {
        call.mark("ready", call.clock.now() + 1e6);
        return { text: "" };
      }),
    ],
    [
      "marks instants in their order, and within the request",
      /marked once/,
      sends((call) => {
        call.mark("ready");
        call.mark("ready");
        return { text: "" };
      }),
    ],
    [
      "marks instants in their order, and within the request",
      /later in the audio/,
      sends((call) => {
        for (const endMs of [100, 100]) {
          call.audioSent({ atMs: call.clock.now(), endMs });
        }
        return { text: "" };
      }),
    ],
    [
      "records nothing once it has answered",
      /after send\(\) has ended/,
      sends((call) => {
        setTimeout(() => call.read(1), 5);
        return { text: "" };
      }),
    ],
    ["keeps requests that run at once apart", /busy/, () => {
      let busy = false;
      return sends(async (call) => {
        if (busy) throw new Error("busy");
        busy = true;
        await call.clock.sleepUntil(call.clock.now() + 2, call.signal).finally(
          () => busy = false,
        );
        return { text: "" };
      });
    }],
    [
      "lets go when its signal aborts",
      /aborted request must settle within 100 ms/,
      sends(() => sleep(150).then(() => ({ text: "" }))),
    ],
    [
      "lets go when its signal aborts",
      /must reject with an Error/,
      sends(async (call) => {
        await call.clock.sleepUntil(call.clock.now() + 5, call.signal).catch(
          () => Promise.reject("stop"),
        );
        return { text: "" };
      }),
    ],
    [
      "does not begin what was aborted before",
      /must have no output/,
      sends((call) => {
        call.output(call.read(1), { kind: "text", text: "x" });
        return {};
      }),
    ],
    ["never looks at the reference", /must never be read/, {
      send: (request) =>
        Promise.resolve({ text: request.turn.columns.reference ?? "" }),
    }],
    ["can be told of the end of any session", /no such session/, {
      endSession: () => {
        throw new Error("no such session");
      },
    }],
  ];
  for (const [name, pattern, parts] of cases) {
    const found = await fault(parts, name);
    assert.match(
      found[name] ?? "(passed)",
      pattern,
      `${name}, ${pattern}`,
    );
  }
  const promised = new Set(
    backendChecks(plugin("backend", good)).map(({ name }) =>
      name.replace("it ", "")
    ),
  );
  assert.deepEqual(
    new Set(cases.map(([name]) => name)),
    promised,
    "every promise has a plugin that breaks it",
  );
});

/** A dataset of five, which ends when it should. */
async function* five({ signal, pass }: Reading): AsyncGenerator<Session> {
  for (let i = 0; i < 5 && !signal.aborted; i++) {
    await Promise.resolve();
    yield { id: `${pass}-${i}`, turns: [{ columns: { text: `t${i}` } }] };
  }
}

Deno.test("datasetChecks() catches every kind of broken dataset", async () => {
  const run = (open: () => Dataset, only?: string) => {
    const limits = only === undefined ? GENEROUS : { ...LIMITS, firstMs: 100 };
    return broken(datasetChecks(plugin("dataset", open), limits), only);
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
    ["can be opened again while it is open", /must read alike/, () => {
      const mine = opens++;
      return {
        sessions: (reading) =>
          one({ ...turn({}), id: `${mine}` })().sessions(reading),
      };
    }],
    [
      "says what it is, in plain data",
      /facts\.n must be plain/,
      () => ({ facts: { n: NaN }, sessions: five }),
    ],
    [
      "yields sessions with turns, each with an id of its own",
      /must be its own: current value is "a"/,
      () => ({
        async *sessions({ signal }) {
          await Promise.resolve();
          for (let i = 0; i < 2 && !signal.aborted; i++) yield turn({});
        },
      }),
    ],
    [
      "yields sessions with turns, each with an id of its own",
      /must have a turn/,
      one({ id: "a", turns: [] }),
    ],
    [
      "yields sessions with turns, each with an id of its own",
      /'reference' must be a string/,
      one(turn({ reference: 1 })),
    ],
    [
      "yields sessions with turns, each with an id of its own",
      /There must be a session/,
      () => ({ async *sessions() {} }),
    ],
    [
      "reads the same order for the same seed and pass",
      /must read the same twice: session 0 differs/,
      () => ({
        sessions: (reading) =>
          one({ ...turn({}), id: `${reads++}` })().sessions(reading),
      }),
    ],
    ["keeps readings that run at once apart", /must not notice another/, () => {
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
      "has its first session soon, and no media in it",
      /first session must settle within 100 ms/,
      () => ({
        async *sessions(reading) {
          await sleep(150);
          yield* five(reading);
        },
      }),
    ],
    [
      "has its first session soon, and no media in it",
      /columns\.clip\.bytes must not hold media/,
      one(turn({ clip: { bytes: new Uint8Array(3) } })),
    ],
    [
      "decodes its audio when it is asked to",
      /as long as 'audio.durationMs' says/,
      one(turn({ audio: pcm(8000) })),
    ],
    [
      "decodes its audio when it is asked to",
      /must give samples/,
      one(turn({ audio: pcm(0) })),
    ],
    ["ends when its signal aborts", /went on for 10000 sessions/, () => ({
      async *sessions() {
        for (let i = 0;; i++) {
          await Promise.resolve();
          yield { ...turn({}), id: String(i) };
        }
      },
    })],
    [
      "does not begin what was aborted before",
      /must reject with an Error/,
      () => ({
        async *sessions(reading) {
          if (reading.signal.aborted) await Promise.reject("stop");
          yield* five(reading);
        },
      }),
    ],
    [
      "ends when its reader stops",
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
  for (const [name, pattern, open] of cases) {
    const found = await run(open, name);
    assert.match(
      found[name] ?? "(passed)",
      pattern,
      `${name}, ${pattern}`,
    );
  }
  const promised = new Set(
    datasetChecks(plugin("dataset", () => 0)).map(({ name }) =>
      name.replace("it ", "")
    ),
  );
  assert.deepEqual(
    new Set(cases.map(([name]) => name)),
    promised,
    "every promise has a plugin that breaks it",
  );
});

Deno.test("reporterChecks() catches every kind of broken reporter", async () => {
  const run = (parts: Partial<Reporter>, only?: string) => {
    const it = plugin("reporter", () => ({ report() {}, ...parts }));
    return broken(
      reporterChecks(it, only === undefined ? GENEROUS : LIMITS),
      only,
    );
  };
  assert.deepEqual(await run({}), {});
  let total = 0;
  let told = false;
  let sampled = false;
  const cases: [string, RegExp, Partial<Reporter>][] = [
    ["reports a whole run", /must settle within 300 ms/, {
      report: () => new Promise(() => {}),
    }],
    [
      "changes nothing of what it is given",
      /not extensible|read only|object is not/i,
      { samples: (batch) => void (batch as unknown[]).reverse() },
    ],
    ["changes nothing of what it is given", /./, {
      report: (report) => void Object.assign(report, { mine: 1 }),
    }],
    [
      "answers at once while the run goes on",
      /samples\(\) must return nothing/,
      { samples: (async () => {}) as never },
    ],
    ["takes many samples", /too many/, {
      start: () => void (total = 0),
      samples(batch) {
        if ((total += batch.length) > 1000) throw new Error("too many");
      },
    }],
    ["reports a run without stages", /undefined/, {
      report: ({ stages }) => void stages[0]!.name,
    }],
    ["reports a stage in which nothing was observed", /undefined/, {
      stage: ({ metrics }) => void metrics.latency!.p50,
    }],
    [
      "reports a run that was interrupted, and data that was skipped",
      /interrupted/,
      {
        report({ interrupted }) {
          if (interrupted) throw new Error("interrupted");
        },
      },
    ],
    ["reports of what it was not there for", /nothing was told/, {
      start: () => void (told = true),
      report({ stages }) {
        if (!told && stages.length > 0) throw new Error("nothing was told");
        told = false;
      },
      [Symbol.asyncDispose]: () => (told = false, Promise.resolve()),
    }],
    ["lets go of a run that came to no report", /no report came/, {
      start: () => void (sampled = true),
      report: () => void (sampled = false),
      [Symbol.asyncDispose]: () =>
        sampled
          ? Promise.reject(new Error("no report came"))
          : Promise.resolve(),
    }],
  ];
  for (const [name, pattern, parts] of cases) {
    const found = await run(parts, name);
    assert.match(
      found[name] ?? "(passed)",
      pattern,
      `${name}, ${pattern}`,
    );
  }
  const promised = new Set(
    reporterChecks(plugin("reporter", () => 0)).map(({ name }) =>
      name.replace("it ", "")
    ),
  );
  assert.deepEqual(
    new Set(cases.map(([name]) => name)),
    promised,
    "every promise has a plugin that breaks it",
  );
});

Deno.test("loadChecks() catches every kind of broken load", async () => {
  const stage: Stage = {
    name: "two",
    load: { kind: "it" },
    arrivals: [0, 5, 5],
  };
  const only = (parts: Partial<Record<keyof Stage, unknown>>): LoadProfile =>
    function* () {
      yield { ...stage, ...parts } as Stage;
    };
  const run = (open: () => LoadProfile, only?: string) => {
    const invalid = [plugin("load", open)];
    const options = { invalid: only?.startsWith("rejects") ? invalid : [] };
    return broken(loadChecks(plugin("load", open), options), only);
  };
  assert.deepEqual(await run(() => only({})), {});
  assert.deepEqual(await run(() => only({ arrivals: { concurrency: 2 } })), {});
  let opens = 0;
  const plain = "yields at least one stage, described in plain data";
  const ascending = "starts requests at ascending, finite times";
  const same = "yields the same stages for the same seed";
  const seeded = "takes every random number from the seed";
  const cases: [string, RegExp, () => LoadProfile][] = [
    [
      "rejects invalid options",
      /must be rejected with a UsageError/,
      () => only({}),
    ],
    [plain, /must yield at least one stage/, () => function* () {}],
    [plain, /'name' must be a string/, () => only({ name: "" })],
    [plain, /load\.at must be plain/, () => only({ load: { at: new Map() } })],
    [ascending, /'maxInFlight' must be/, () => only({ maxInFlight: 0 })],
    [
      ascending,
      /'concurrency' must be/,
      () => only({ arrivals: { concurrency: 0.5 } }),
    ],
    [ascending, /at least one request/, () => only({ arrivals: [] })],
    [ascending, /that of request 0/, () => only({ arrivals: [-1] })],
    [ascending, /that of request 1/, () => only({ arrivals: [5, 4] })],
    [ascending, /that of request 0/, () => only({ arrivals: [Infinity] })],
    [same, /stage 0 differs/, () => only({ name: `stage ${opens++}` })],
    [
      same,
      /same seed must yield the same stages/,
      () =>
        opens++ % 2 ? only({}) : function* () {
          yield stage;
          yield stage;
        },
    ],
    [seeded, /must differ for another seed/, () =>
      function* (stream) {
        stream("a")();
        yield stage;
      }],
    [seeded, /must be the same for every seed/, () => {
      let count = 0;
      return function* () {
        yield { ...stage, load: { count: count++ } };
      };
    }],
    [
      "stops when the run ends early",
      /no stage after return/,
      () =>
        function* () {
          try {
            yield stage;
          } finally {
            yield stage;
            yield stage;
          }
        },
    ],
  ];
  for (const [name, pattern, open] of cases) {
    const found = await run(open, name);
    assert.match(found[name] ?? "(passed)", pattern, `${name}, ${pattern}`);
  }
  const promised = loadChecks(plugin("load", () => 0))
    .map(({ name }) => name.replace("it ", ""));
  assert.deepEqual(
    new Set(cases.map(([name]) => name)),
    new Set(promised),
    "every promise has a load that breaks it",
  );
});
