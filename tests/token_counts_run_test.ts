// Runs against servers that count tokens wrongly: the reported counts, the warnings, and the same from a replay.

import assert from "node:assert/strict";
import { replay } from "../cli/replay.ts";
import { tempFolder } from "./support/datasets.ts";
import {
  chat,
  completions,
  concurrent,
  jsonlReporter,
  repeat,
  run,
  type StageReport,
} from "../mod.ts";

/** Deltas of one token each, and the counts that the server reports. */
interface Answering {
  readonly pieces: readonly string[];
  readonly answers?: number;
  /** Events with counts, after all deltas. */
  readonly usage: readonly unknown[];
  /** Counts in the last event of each answer. */
  readonly own?: unknown;
}

/** Starts a server that answers every prompt this way. */
function counting({ pieces, answers = 1, usage, own }: Answering) {
  const events: unknown[] = [];
  for (let index = 0; index < answers; index++) {
    for (const [i, text] of pieces.entries()) {
      const isLast = i === pieces.length - 1;
      const finish_reason = isLast ? "stop" : null;
      events.push({
        id: "c",
        choices: [{ index, text, delta: { content: text }, finish_reason }],
        ...(isLast && own !== undefined && { usage: own }),
      });
    }
  }
  const all = [...events, ...usage.map((usage) => ({ choices: [], usage }))];
  const body = all.map((event) => `data: ${JSON.stringify(event)}\n\n`)
    .join("") + "data: [DONE]\n\n";
  const headers = { "content-type": "text/event-stream" };
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    ({ method, url }) =>
      method === "POST" && !url.endsWith("/tokenize")
        ? new Response(body, { headers })
        : new Response("", { status: url.endsWith("/tokenize") ? 404 : 200 }),
  );
  return {
    target: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const words = (count: number) => Array.from({ length: count }, () => " four");
const sentence =
  "One of these sentences has thirteen words and comes in a single delta.";

const CASES: readonly {
  readonly name: string;
  readonly answering: Answering;
  readonly tokens: number;
  readonly by: string;
  readonly warning?: string;
}[] = [
  {
    name: "an object of zeros after the usage",
    answering: {
      pieces: words(28),
      usage: [
        { prompt_tokens: 5, completion_tokens: 28 },
        { output_tokens: 0 },
      ],
    },
    tokens: 28,
    by: "server",
  },
  {
    name: "zeros alone",
    answering: {
      pieces: words(31),
      usage: [{ prompt_tokens: 5, completion_tokens: 0 }],
    },
    tokens: 31,
    by: "deltas",
    warning: "server counted 0 tokens for 31 deltas; counted by deltas instead",
  },
  {
    name: "one usage for each of two answers",
    answering: {
      pieces: words(11),
      answers: 2,
      usage: [],
      own: { prompt_tokens: 5, completion_tokens: 11 },
    },
    tokens: 22,
    by: "server",
  },
  {
    name: "the usage of one of two answers",
    answering: {
      pieces: words(11),
      answers: 2,
      usage: [{ prompt_tokens: 5, completion_tokens: 11 }],
    },
    tokens: 22,
    by: "deltas",
    warning:
      "server counted 11 tokens for 22 deltas; counted by deltas instead",
  },
  {
    name: "a sentence in one delta, and zeros",
    answering: {
      pieces: [sentence],
      usage: [{ prompt_tokens: 5, completion_tokens: 0 }],
    },
    tokens: 18,
    by: "characters",
    warning:
      "server counted 0 tokens for 1 delta; counted by characters instead",
  },
  {
    name: "a sentence in one delta, and no usage",
    answering: { pieces: [sentence], usage: [] },
    tokens: 18,
    by: "characters",
  },
];

const REQUESTS = 5;

function outputOf({ metrics, tokenCounts }: StageReport) {
  const { min, max, n } = metrics["outputTokens"]!;
  return { min, max, n, by: tokenCounts?.output };
}

for (const make of [chat, completions]) {
  for (const { name, answering, tokens, by, warning } of CASES) {
    Deno.test(`a run of ${make({ target: "http://x" }).name} counts correctly, with ${name}`, async () => {
      await using server = counting(answering);
      await using folder = await tempFolder();
      const path = folder.at("samples.jsonl");
      const warnings: string[] = [];
      const { answers = 1 } = answering;
      const { target } = server;
      const report = await run({
        backend: make({ target, model: "m", body: { n: answers } }),
        dataset: repeat({ text: "hello" }),
        load: concurrent({ streams: [2] }),
        stop: { requests: REQUESTS },
        reporters: [jsonlReporter({ path })],
        warn: (message) => warnings.push(message),
      });
      assert.deepEqual(outputOf(report.stages[0]!), {
        min: tokens,
        max: tokens,
        n: REQUESTS,
        by: { [by]: REQUESTS },
      });
      const said = warnings.filter((one) => one.startsWith("server counted"));
      assert.deepEqual(said, warning === undefined ? [] : [warning]);
      const again = await replay(path, { reporters: [], warn: () => {} });
      assert.equal(JSON.stringify(again), JSON.stringify(report));
    });
  }
}
