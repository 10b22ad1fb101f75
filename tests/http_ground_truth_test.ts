// Compares the client's instants with the server's log, for every endpoint, streamed and not. Two processes read the
// same hardware clock, but each relates it to wall time once, at its start: they agree to within a millisecond.

import assert from "node:assert/strict";
import {
  chat,
  clips,
  completions,
  concurrent,
  type Configured,
  embeddings,
  responses,
  type Sample,
  synthetic,
  transcriptions,
  translations,
} from "../mod.ts";
import type { LogEntry } from "../server/mod.ts";
import { printDistributions, quantile } from "./support/ground_truth_table.ts";
import { sampled } from "./support/sampled.ts";
import { serve, type Serving } from "./support/serve.ts";

const REQUESTS = 48;
const CONCURRENCY = 4;
const CLOCK_TOLERANCE_MS = 1;

/** Ten times what an idle machine needs, to allow for other processes. */
const MEDIAN_LIMIT_MS = 20;

const prompts = synthetic({ inputTokens: 16, outputTokens: 12 });
const generating = { ignoreEos: true } as const;

/** Request of each endpoint, and the log entry of the last write of its response. */
const ENDPOINTS: readonly {
  readonly name: string;
  readonly data: Configured<"dataset">;
  backend(target: string, stream: boolean): Configured<"backend">;
  readonly streams: boolean;
}[] = [
  {
    name: "chat",
    data: prompts,
    backend: (target, stream) => chat({ target, stream, ...generating }),
    streams: true,
  },
  {
    name: "completions",
    data: prompts,
    backend: (target, stream) => completions({ target, stream, ...generating }),
    streams: true,
  },
  {
    name: "responses",
    data: prompts,
    backend: (target, stream) => responses({ target, stream, ...generating }),
    streams: true,
  },
  {
    name: "embeddings",
    data: prompts,
    backend: (target) => embeddings({ target }),
    streams: false,
  },
  {
    name: "transcriptions",
    data: clips({}),
    backend: (target, stream) => transcriptions({ target, stream }),
    streams: true,
  },
  {
    name: "translations",
    data: clips({}),
    backend: (target, stream) => translations({ target, stream }),
    streams: true,
  },
];

Deno.test("every HTTP backend stamps its instants within the tolerance of the server's log", async (t) => {
  await using server = await serve(["--set", "ttftMs=20", "--set", "itlMs=4"]);
  for (const { name, data, backend, streams } of ENDPOINTS) {
    for (const stream of streams ? [true, false] : [false]) {
      await t.step(`${name}, ${stream ? "streamed" : "whole"}`, async () => {
        await clear(server);
        const { report, samples } = await sampled({
          backend: backend(server.url, stream),
          dataset: data,
          load: concurrent({ streams: [CONCURRENCY] }),
          stop: { requests: REQUESTS },
        });
        const { counts } = report.stages[0]!;
        assert.deepEqual(counts.failures, {});
        assert.equal(samples.length, REQUESTS);
        const lags = lagsOf(samples, await server.log(), report.run.epochMs);
        printDistributions(
          `${name}${stream ? ", streamed" : ""}: lag, ms`,
          lags,
        );
        hold(lags, stream);
      });
    }
  }
});

async function clear({ url }: Serving): Promise<void> {
  const response = await fetch(`${url}/log`, { method: "DELETE" });
  await response.body?.cancel();
}

type Lags = ReadonlyMap<string, readonly number[]>;

/** Delays from one side to the other, by instant, in milliseconds. */
function lagsOf(
  samples: readonly Sample[],
  log: readonly LogEntry[],
  epochMs: number,
): Lags {
  const sessions = Map.groupBy(log, ({ session }) => session);
  const lags = new Map<string, number[]>();
  const add = (instant: string, lagMs: number) => {
    if (!lags.has(instant)) lags.set(instant, []);
    lags.get(instant)!.push(lagMs);
  };
  for (const { marks, deltas, endedMs, output } of samples) {
    const truth = sessions.get(output.responseId!);
    assert.ok(truth, `the server knows no answer ${output.responseId}`);
    const seen = (atMs: number, entry: LogEntry) => epochMs + atMs - entry.atMs;
    const body = truth.find(({ direction, type }) =>
      direction === "in" && type === "body"
    )!;
    add("body received", -seen(marks.requestSent!, body));
    const sent = truth.filter(({ direction }) => direction === "out");
    const head = sent.find(({ type }) => type.startsWith("headers"))!;
    add("headers", seen(marks.headers!, head));
    add("end", seen(endedMs, sent.at(-1)!));
    const texts = deltas.filter(({ text }) => text);
    if (texts.length === 0) continue;
    const events = sent.filter(({ chars = 0 }) => chars > 0);
    assert.equal(texts.length, events.length, "each piece is an event");
    for (const [i, { atMs }] of texts.entries()) {
      add(i === 0 ? "first output" : "output", seen(atMs, events[i]!));
    }
  }
  return lags;
}

/** Asserts that everything is seen after it was sent, and soon. */
function hold(lags: Lags, stream: boolean): void {
  const instants = ["body received", "headers", "end"];
  if (stream) instants.push("first output", "output");
  assert.deepEqual([...lags.keys()].toSorted(), instants.toSorted());
  for (const [instant, values] of lags) {
    // A send is stamped once the system call returns: the server may be faster than the client's next line.
    const earliest = instant === "body received" ? 0 : Math.min(...values);
    assert.ok(
      earliest > -CLOCK_TOLERANCE_MS,
      `${instant} was seen ${-earliest} ms before it was`,
    );
    const median = quantile(values, 0.5);
    assert.ok(
      Math.abs(median) < MEDIAN_LIMIT_MS,
      `${instant}: median of ${median} ms`,
    );
  }
}
