// Faults of HTTP servers: each request ends as one sample, with the class in docs/failures.md.

import assert from "node:assert/strict";
import { systemClock } from "../core/clock.ts";
import {
  chat,
  clips,
  completions,
  concurrent,
  type Configured,
  embeddings,
  type OpenAiOptions,
  repeat,
  type Report,
  responses,
  type Sample,
  transcriptions,
  translations,
} from "../mod.ts";
import { parseFault, type RunningServer, startServer } from "../server/mod.ts";
import { earshot, startEarshot } from "./support/earshot.ts";
import { readReport, samplesIn, tempFolder } from "./support/files.ts";
import { type Sampled, sampled } from "./support/sampled.ts";
import { serve, type Serving } from "./support/serve.ts";

type Given = Omit<OpenAiOptions, "target">;

/** Each backend, with a streamed and with a whole answer. */
interface Asked {
  readonly name: string;
  readonly data: Configured<"dataset">;
  backend(options: OpenAiOptions): Configured<"backend">;
}

const prompts = repeat({ text: "hello there" });
const STREAMED: readonly Asked[] = [
  { name: "chat", data: prompts, backend: chat },
  { name: "completions", data: prompts, backend: completions },
  { name: "responses", data: prompts, backend: responses },
  { name: "transcriptions", data: clips({}), backend: transcriptions },
  { name: "translations", data: clips({}), backend: translations },
];
const WHOLE: readonly Asked[] = [
  { name: "embeddings", data: prompts, backend: embeddings },
  {
    name: "chat, whole",
    data: prompts,
    backend: (options) => chat({ ...options, stream: false }),
  },
  {
    name: "responses, whole",
    data: prompts,
    backend: (options) => responses({ ...options, stream: false }),
  },
  {
    name: "transcriptions, whole",
    data: clips({}),
    backend: (options) =>
      transcriptions({ ...options, stream: false, responseFormat: "text" }),
  },
];
const ALL = [...STREAMED, ...WHOLE];

/** The expected outcome of every request. */
interface Expected {
  readonly failure: string;
  readonly code?: string;
  readonly says: RegExp;
}

/** Sends two requests with a fault in their query, and checks that both fail as expected. */
async function struck(
  { url }: RunningServer,
  { name, data, backend }: Asked,
  fault: string,
  { failure, code, says }: Expected,
  given: Given = {},
): Promise<readonly Sample[]> {
  const what = `${name}, ${fault}`;
  const options = new URLSearchParams({ fault });
  const { report, samples }: Sampled = await sampled({
    backend: backend({
      target: url,
      headers: { "earshot-options": `${options}` },
      ...given,
    }),
    dataset: data,
    load: concurrent({ streams: [2] }),
    stop: { requests: 2 },
  });
  const { counts, failures, metrics, verdict } = report.stages[0]!;
  assert.equal(samples.length, 2, what);
  for (const { outcome } of samples) {
    assert.ok(outcome.status !== "ok", what);
    const { failure: { class: found, message } } = outcome;
    assert.equal(found, failure, `${what}: ${message}`);
    assert.equal(outcome.failure.code, code, what);
    assert.match(message, says, `${what}: ${message}`);
    const isTimeout = failure.endsWith("_timeout");
    assert.equal(outcome.status, isTimeout ? "timeout" : "error", what);
  }
  assert.equal(counts.ok, 0, what);
  assert.equal(counts.error + counts.timeout, 2, what);
  assert.deepEqual(counts.failures, { [failure]: 2 }, what);
  assert.equal(failures.length, 1, what);
  assert.match(failures[0]!.message, says, what);
  assert.equal(metrics.latency, undefined, what);
  assert.equal(verdict.status, "failed", what);
  return samples;
}

const QUICK = { ttftMs: 1, itlMs: 0, outputTokens: 8 } as const;

/** Status and body of a response, and the expected message in the report. */
const REFUSALS: readonly (readonly [string, string, RegExp])[] = [
  [
    "401",
    '{"error":"Unauthorized"}',
    /401: Unauthorized \(a key is required: apiKeyEnv/,
  ],
  ["403", "not for you", /403: not for you/],
  [
    "404",
    '{"error":{"message":"The model `x` does not exist.","code":404}}',
    /404: The model `x` does not exist\. \(the path or the model does not exist/,
  ],
  ["413", "<h1>Too Large</h1>", /413: <h1>Too Large<\/h1> \(the request is/],
  [
    "422",
    '{"detail":[{"loc":["body","input"],"msg":"Field required"}]}',
    /422: body\.input: Field required/,
  ],
  ["429;retry-after: 7", "slow down", /429: slow down \(.*Retry-After: 7\)/],
  ["500", "", /^The server answered HTTP 500 \(internal server error\)$/],
  ["503", '{"message":"no seats"}', /503: no seats \(the server is overloaded/],
];

Deno.test("every HTTP backend reports a status that is not 2xx with the server's message", async () => {
  await using server = await startServer(QUICK);
  for (const [status, body, says] of REFUSALS) {
    const code = status.slice(0, 3);
    for (const asked of ALL) {
      const fault = `status=${status},${body}@accept`;
      await struck(server, asked, fault, {
        failure: "http_error",
        code,
        says,
      });
    }
  }
  for (const asked of ALL) {
    const fault = "status=307;location: http://127.0.0.1:1/elsewhere@accept";
    await struck(server, asked, fault, {
      failure: "http_error",
      code: "307",
      says: /redirects to http:\/\/127\.0\.0\.1:1\/elsewhere; .*not followed/,
    });
  }
});

Deno.test("every HTTP backend reports malformed answers, and answers that are cut off", async () => {
  await using server = await startServer(QUICK);
  const cases: readonly (readonly [string, Expected])[] = [
    ["status=200;content-type: text/html,<html>Bad gateway</html>@accept", {
      failure: "protocol_error",
      says: /Invalid answer: .*Bad gateway/s,
    }],
    ["frame={}@accept", {
      failure: "protocol_error",
      says: /^Invalid answer: /,
    }],
    ['frame={"error":{"message":"out of memory","code":507}}@accept', {
      failure: "server_error",
      code: "507",
      says: /^out of memory$/,
    }],
    [
      'status=200;content-type: text/event-stream,data: {"error":{"message":"out of memory","code":507}}\n\n@accept',
      { failure: "server_error", code: "507", says: /^out of memory$/ },
    ],
    ["bad-gzip@accept", {
      failure: "protocol_error",
      says: /must be compressed as its content-encoding says/,
    }],
    ["drop@accept", {
      failure: "closed",
      says: /closed before the response/,
    }],
    ["drop@headers", {
      failure: "closed",
      says: /closed in the middle of the response/,
    }],
    ["error=429,all seats are taken@accept", {
      failure: "http_error",
      code: "429",
      says: /all seats are taken/,
    }],
  ];
  for (const [fault, expected] of cases) {
    for (const asked of ALL) await struck(server, asked, fault, expected);
  }
});

Deno.test("an empty answer is a failure, except as the text of a transcript: silence has no words", async () => {
  await using server = await startServer(QUICK);
  const fault = "status=200,@accept";
  const silent = ALL.find(({ name }) => name === "transcriptions, whole")!;
  for (const asked of ALL.filter((each) => each !== silent)) {
    await struck(server, asked, fault, {
      failure: "protocol_error",
      says: /but was empty$/,
    });
  }
  const { report: { stages: [stage] } } = await sampled({
    backend: silent.backend({ target: `${server.url}/?fault=${fault}` }),
    dataset: silent.data,
    load: concurrent({ streams: [1] }),
    stop: { requests: 2 },
  });
  assert.deepEqual([stage?.counts.ok, stage?.counts.emptyOutputs], [2, 2]);
  assert.equal(stage?.quality.wer?.value, 1);
});

Deno.test("a whole answer to a request for a stream is accepted, without output times", async () => {
  await using server = await startServer(QUICK);
  for (const { name, data, backend } of STREAMED) {
    const { report, samples, warnings } = await sampled({
      backend: backend({ target: `${server.url}/?fault=json@accept` }),
      dataset: data,
      load: concurrent({ streams: [1] }),
      stop: { requests: 2 },
    });
    const { counts, metrics } = report.stages[0]!;
    assert.equal(counts.ok, 2, name);
    assert.equal(metrics.latency?.n, 2, name);
    assert.equal(metrics.ttft, undefined, name);
    assert.equal(metrics.firstEvent, undefined, name);
    assert.match(warnings.join("\n"), /does not stream.*stream=false/, name);
    for (const { output, deltas } of samples) {
      assert.ok(output.text, name);
      assert.equal(deltas.length, 0, name);
    }
  }
});

/** After this event, part of every answer has arrived, and part has not. */
const MIDDLE = "events:5";

Deno.test("only output received before a stream broke is kept", async () => {
  await using server = await startServer(QUICK);
  const cases: readonly (readonly [string, Expected, Given?])[] = [
    ["error=500,the disk is full", {
      failure: "server_error",
      code: "500",
      says: /^the disk is full$/,
    }],
    ["cut", { failure: "truncated", says: /ended before/ }],
    ["half", { failure: "truncated", says: /ended within an event/ }],
    ["drop", { failure: "closed", says: /in the middle of the response/ }],
    ["frame={", { failure: "protocol_error", says: /must be a JSON object/ }],
    ["garbage", { failure: "protocol_error", says: /must be UTF-8 text/ }],
    ["frame=[1,2]", { failure: "protocol_error", says: /\[1,2\]/ }],
    ["stall", { failure: "receive_timeout", says: /waited 200 ms/ }, {
      receiveTimeoutMs: 200,
    }],
    ["stall", { failure: "request_timeout", says: /waited 400 ms/ }, {
      requestTimeoutMs: 400,
    }],
  ];
  for (const [what, expected, given] of cases) {
    for (const asked of STREAMED) {
      const before = server.log().length;
      const fault = `${what}@${MIDDLE}`;
      const samples = await struck(server, asked, fault, expected, given);
      assert.deepEqual(
        samples.map(({ output: { text = "" } }) => text.length)
          .toSorted((a, b) => a - b),
        charsIn(server, before),
        `${asked.name}, ${fault}`,
      );
      for (const { output: { text }, deltas } of samples) {
        assert.ok(text, `${asked.name}, ${fault}`);
        assert.equal(deltas.map(({ text }) => text).join(""), text);
      }
    }
  }
});

/** Returns the number of characters of each answer that the server sent before the fault, in ascending order. */
function charsIn(server: RunningServer, from: number): number[] {
  const sent = server.log().slice(from).filter(({ direction, type }) =>
    direction === "out" && !type.startsWith("POST")
  );
  return [...Map.groupBy(sent, ({ session }) => session).values()]
    .map((entries) => {
      const fault = entries.findIndex(({ type }) => /\(\w+\)$/.test(type));
      return entries.slice(0, fault < 0 ? undefined : fault)
        .reduce((sum, { chars = 0 }) => sum + chars, 0);
    }).toSorted((a, b) => a - b);
}

Deno.test("each backend's timeouts end the wait for a server that does not answer", async () => {
  await using server = await startServer(QUICK);
  for (const asked of ALL) {
    await struck(server, asked, "stall@accept", {
      failure: "headers_timeout",
      says: /waited 40 ms/,
    }, { headersTimeoutMs: 40 });
    await struck(server, asked, "stall@accept", {
      failure: "request_timeout",
      says: /waited 40 ms/,
    }, { requestTimeoutMs: 40 });
    await struck(server, asked, "stall@headers", {
      failure: "receive_timeout",
      says: /waited 40 ms/,
    }, { receiveTimeoutMs: 40 });
  }
});

Deno.test("run counts failures exactly as the server's log does", async () => {
  await using folder = await tempFolder();
  await using server = await startServer({
    ...QUICK,
    faults: [
      "error=500,the disk is full@events:5~0.2",
      "drop@events:3~0.2",
      "cut@headers~0.2",
    ].map(parseFault),
  });
  const { code, stdout, stderr } = await earshot([
    "run",
    ...["--backend", "chat,reuse=false", "--target", server.url],
    ...["--data", "repeat=hello", "--load", "concurrent=4"],
    ...["--requests", "60", "--report", "console", "--report", "json=out.json"],
    ...["--report", "jsonl=samples.jsonl"],
  ], { cwd: folder.path });
  assert.ok(code === 0 || code === 4, stdout + stderr);
  assert.equal(stderr, "");
  const { stages: [stage] }: Report = await readReport(
    folder.path,
    "out.json",
  );
  const { counts, failures, metrics } = stage!;
  assert.equal(counts.ok + counts.error, 60);
  assert.equal(metrics.latency?.n, counts.ok);
  const ends = endsIn(server);
  const failed = ["closed", "server_error", "truncated"];
  for (const failure of failed) {
    assert.ok(counts.failures[failure]! > 0, failure);
    assert.equal(counts.failures[failure], ends.get(failure)?.length, failure);
  }
  assert.deepEqual(Object.keys(counts.failures).toSorted(), failed);
  assert.ok(failures.some(({ message }) => message === "the disk is full"));
  assert.match(stdout, /the disk is full/);

  const samples = await samplesIn(folder.at("samples.jsonl"));
  assert.equal(samples.length, 60);
  assert.equal(new Set(samples.map(({ id }) => id)).size, 60);
  const answers = samples.filter(({ outcome }) => outcome.status === "ok");
  assert.equal(answers.length, counts.ok);
  assert.deepEqual(
    answers.map(({ output }) => output.responseId).toSorted(),
    ends.get("ok")!.toSorted(),
  );
  for (const { outcome, output } of samples) {
    if (outcome.status === "ok") continue;
    const isAfterText = outcome.failure.class !== "truncated";
    assert.equal(!!output.text, isAfterText, outcome.failure.message);
  }
});

/** Groups the ids of the answers by their fate in the log. */
function endsIn(server: RunningServer): Map<string, string[]> {
  const answers = Map.groupBy(server.log(), ({ session }) => session);
  const ends = new Map<string, string[]>();
  for (const [id, entries] of answers) {
    const types = entries.map(({ type }) => type);
    const end = types.includes("error")
      ? "server_error"
      : types.includes("[DONE]")
      ? "ok"
      : types.includes("finished")
      ? "truncated"
      : "closed";
    ends.set(end, [...ends.get(end) ?? [], id]);
  }
  return ends;
}

Deno.test("run exits with 1 and the server's message if no request over HTTP succeeded", async () => {
  await using folder = await tempFolder();
  await using server = await startServer(QUICK);
  const { code, stdout, stderr } = await earshot([
    "run",
    ...["--backend", "embeddings", "--data", "synthetic,inputTokens=8"],
    ...["--target", `${server.url}/?fault=status=401,who are you@accept`],
    ...["--requests", "3", "--report", "console", "--report", "csv=out.csv"],
  ], { cwd: folder.path });
  assert.equal(code, 1, stderr);
  assert.equal(stderr, "");
  const words = stdout.replace(/\s+/g, " ");
  assert.match(words, /no request succeeded: 3 of 3 http_error/);
  assert.match(words, /HTTP 401: who are you \(a key is required: apiKeyEnv/);
  assert.doesNotMatch(stdout, /p50|requests\/s/);
});

Deno.test("run survives an HTTP server that is killed in the middle of its answers", async () => {
  await using folder = await tempFolder();
  await using server = await serve([
    ...["--set", "itlMs=20", "--set", "outputTokens=4000"],
  ]);
  await using running = startEarshot([
    "run",
    ...["--backend", "completions", "--target", server.url],
    ...["--data", "repeat=hello", "--load", "concurrent=2"],
    ...["--requests", "6", "--report", "console", "--report", "json=out.json"],
    ...["--report", "jsonl=samples.jsonl"],
  ], { cwd: folder.path });
  const clock = systemClock();
  while (await answering(server) < 2) await clock.sleepUntil(clock.now() + 20);
  await server.crash();
  const { code, stderr } = await running.ended;
  assert.equal(code, 1, stderr);
  assert.equal(stderr, "");
  const { stages: [stage] }: Report = await readReport(
    folder.path,
    "out.json",
  );
  assert.deepEqual(stage!.counts.failures, { closed: 2, connect_error: 4 });
  const samples = await samplesIn(folder.at("samples.jsonl"));
  assert.equal(samples.length, 6);
  for (const { outcome, output, deltas } of samples) {
    assert.ok(outcome.status === "error");
    const wasAnswered = outcome.failure.class === "closed";
    assert.equal(deltas.length > 0, wasAnswered, outcome.failure.message);
    assert.equal(output.text ?? "", deltas.map(({ text }) => text).join(""));
    if (!wasAnswered) assert.equal(outcome.failure.code, "ECONNREFUSED");
  }
});

/** Returns the number of answers that have begun to arrive. */
async function answering(server: Serving): Promise<number> {
  const texts = (await server.log()).filter(({ chars = 0 }) => chars > 0);
  return new Set(texts.map(({ session }) => session)).size;
}
