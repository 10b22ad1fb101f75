import assert from "node:assert/strict";
import { ConnectionPool } from "./connections.ts";
import { vllmDialect } from "./dialects/vllm.ts";
import type { Frames } from "./microphone.ts";
import type {
  Socket,
  SocketListener,
  Transport,
} from "./transports/transport.ts";
import { utter, type UtteranceSettings } from "./utterance.ts";
import { attempt } from "../../core/attempt.ts";
import type { LoopWatch } from "../../core/client_monitor.ts";
import { MemoryBudget } from "../../core/memory.ts";
import { type Dialect, RequestError, type Sample } from "../../plugins/mod.ts";
import { manualClock } from "../../plugins/testing/manual_clock.ts";

const FRAMES: Frames = {
  chunks: ["one", "two", "three"],
  endsMs: [100, 200, 250],
  durationMs: 250,
  bytes: 11,
};
const START = '{"type":"input_audio_buffer.commit","final":false}';
const FINAL = '{"type":"input_audio_buffer.commit","final":true}';
const UPDATE = '{"type":"session.update","model":"m"}';

/** A transport whose other side is the test. */
function fakeTransport() {
  const sent: string[] = [];
  const listeners: SocketListener[] = [];
  let closes = 0;
  const transport: Transport = {
    connect(listener) {
      listeners.push(listener);
      const socket: Socket = {
        bufferedBytes: () => 0,
        send: (text) => void sent.push(String(text)),
        close: () => void closes++,
      };
      return socket;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return {
    transport,
    sent,
    get closes() {
      return closes;
    },
    get listener() {
      return listeners.at(-1)!;
    },
    say(...messages: (object | string)[]) {
      for (const message of messages) {
        const text = typeof message === "string"
          ? message
          : JSON.stringify(message);
        listeners.at(-1)!.message(text, false);
      }
    },
  };
}

/** One utterance under way on a clock of the test's own. */
function booth(
  more: Partial<UtteranceSettings> & {
    reuse?: boolean;
    memory?: MemoryBudget;
    dialect?: Dialect;
    watch?: LoopWatch;
  } = {},
) {
  const { reuse = false, memory, watch, ...settings } = more;
  const { dialect = vllmDialect as Dialect } = more;
  const clock = manualClock();
  const line = fakeTransport();
  const pool = new ConnectionPool({
    transport: line.transport,
    dialect,
    session: { model: "m", extras: {} },
    reuse,
    trace: undefined,
    connectTimeoutMs: 10_000,
  });
  const abort = new AbortController();
  const speak = (): Promise<Sample> =>
    attempt(
      {
        needs: [],
        async send(_request, call) {
          const connection = pool.take();
          const output = await utter(connection, {
            frames: FRAMES,
            call,
            settings: {
              dialect,
              dialectName: "vllm",
              mode: "stream",
              speed: 1,
              connectTimeoutMs: 10_000,
              readyTimeoutMs: 30_000,
              receiveTimeoutMs: undefined,
              finalTimeoutMs: undefined,
              maxIgnoredEvents: 50_000,
              trace: undefined,
              clean: (text) => text,
              ...settings,
            },
          });
          pool.giveBack(connection, clock.now());
          return output;
        },
      },
      {
        id: 0,
        turn: { columns: {} },
        prepared: undefined,
        session: { id: "s", turn: 0, history: [] },
      },
      {
        stage: 0,
        phase: "measure",
        scheduledMs: 0,
        clock,
        signal: abort.signal,
        ...(memory && { memory }),
        watch,
      },
    );
  return { clock, line, abort, speak };
}

/** Up to the moment at which the microphone opens, at 3 ms. */
async function begun(more: Parameters<typeof booth>[0] = {}) {
  const all = booth(more);
  const sample = all.speak();
  await all.clock.advance(1);
  all.line.listener.opened();
  await all.clock.advance(2);
  all.line.say({ type: "session.created" });
  return { ...all, sample };
}

/** Up to the final commit, at 253 ms. */
async function spoken(more: Parameters<typeof booth>[0] = {}) {
  const all = await begun(more);
  await all.clock.advance(250);
  return all;
}

const created = { type: "session.created" };
const delta = (text: string) => ({ type: "transcription.delta", delta: text });
const done = (text?: string) => ({ type: "transcription.done", text });

function failureOf({ outcome }: Sample) {
  assert.ok(outcome.status !== "ok");
  return outcome.failure;
}

Deno.test("utter() speaks and listens in the order of the protocol, and marks each instant", async () => {
  const { clock, line, sample } = await begun();
  assert.deepEqual(line.sent, [UPDATE, START]);
  await clock.advance(100);
  assert.deepEqual(line.sent, [UPDATE, START, "one"]);
  line.say(delta(""), delta("he"));
  await clock.advance(150);
  assert.deepEqual(line.sent, [UPDATE, START, "one", "two", "three", FINAL]);
  await clock.advance(47);
  line.say(delta("llo"), {
    ...done("hello"),
    usage: { prompt_tokens: 5, completion_tokens: 3 },
  });
  const { marks, deltas, audioSent, output, outcome, endedMs } = await sample;
  assert.deepEqual(outcome, { status: "ok" });
  assert.deepEqual(marks, {
    connected: 1,
    ready: 3,
    streamStart: 3,
    endSent: 253,
    final: 300,
  });
  assert.deepEqual(deltas, [
    { atMs: 103, kind: "text", text: "" },
    { atMs: 103, kind: "text", text: "he" },
    { atMs: 300, kind: "text", text: "llo" },
  ]);
  assert.deepEqual(audioSent, [
    { dueMs: 103, atMs: 103, endMs: 100 },
    { dueMs: 203, atMs: 203, endMs: 200 },
    { dueMs: 253, atMs: 253, endMs: 250 },
  ]);
  assert.deepEqual(output, {
    text: "hello",
    usage: { inputTokens: 5, outputTokens: 3 },
  });
  assert.equal(endedMs, 300);
  assert.equal(line.closes, 1);
  assert.equal(clock.pending, 0);
});

Deno.test("utter() sends a batch in GuideLLM's order", async () => {
  const { clock, line, sample } = await begun({ mode: "batch", speed: 0 });
  await clock.settle();
  assert.deepEqual(line.sent, [UPDATE, "one", "two", "three", START, FINAL]);
  line.say(done("x"));
  const { marks, audioSent } = await sample;
  assert.deepEqual(audioSent.map(({ dueMs }) => dueMs), [
    undefined,
    undefined,
    undefined,
  ]);
  assert.deepEqual(marks, {
    connected: 1,
    ready: 3,
    streamStart: 3,
    endSent: 3,
    final: 3,
  });
});

Deno.test("utter() counts a read before it looks at it", async () => {
  const { line, clock, sample } = await spoken();
  line.say("é{");
  const { reads, outcome } = await sample;
  assert.equal(outcome.status, "error");
  assert.deepEqual(reads, {
    count: 2,
    bytes: JSON.stringify(created).length + 3,
  });
  assert.equal(clock.pending, 0);
});

// What the transcript is, by what came of it.
const TEXTS: readonly [
  name: string,
  said: object[],
  text: string | undefined,
  deltas: string[],
][] = [
  ["done's text wins over the deltas", [delta("a"), done("A")], "A", ["a"]],
  [
    "done without a text leaves the deltas",
    [delta("a"), delta("b"), done()],
    "ab",
    ["a", "b"],
  ],
  ["an empty done leaves the deltas", [delta("a"), done("")], "a", ["a"]],
  ["an empty done is an empty transcript", [done("")], "", []],
  ["done alone is the first text", [done("only")], "only", ["only"]],
  ["done behind empty deltas is the first text", [delta(""), done("x")], "x", [
    "",
    "x",
  ]],
  ["done alone without a text is nothing", [done()], undefined, []],
  ["a second done is ignored", [done("x"), done("y")], "x", ["x"]],
  [
    "session.updated is not waited for and does no harm",
    [{ type: "session.updated" }, done("x")],
    "x",
    ["x"],
  ],
];

for (const [name, said, text, deltas] of TEXTS) {
  Deno.test(`utter(): ${name}`, async () => {
    const { line, clock, sample } = await spoken();
    line.say(...said);
    const { output, outcome, ...rest } = await sample;
    assert.deepEqual(outcome, { status: "ok" });
    assert.equal(output.text, text);
    assert.deepEqual(rest.deltas.map(({ text }) => text), deltas);
    assert.equal(clock.pending, 0);
  });
}

Deno.test("utter() keeps the text of a done that comes before the audio has ended, as ended_early", async () => {
  const { clock, line, sample } = await begun();
  await clock.advance(200);
  line.say(delta("so"), done("so far"));
  const result = await sample;
  assert.deepEqual(failureOf(result), {
    class: "ended_early",
    message:
      "The server ended the utterance before its audio ended: sent 200 of 250 ms",
  });
  assert.equal(result.output.text, "so far");
  assert.equal(result.marks.final, undefined);
  assert.equal(result.marks.endSent, undefined);
  assert.equal(clock.pending, 0);
  await clock.advance(1000);
  assert.equal(line.sent.length, 4);
});

// Each limit, when it strikes, and what is kept.
Deno.test("utter() waits for a socket no longer than connectTimeoutMs", async () => {
  const { clock, line, speak } = booth();
  const sample = speak();
  await clock.advance(9999);
  assert.equal(line.closes, 0);
  await clock.advance(1);
  const result = await sample;
  assert.deepEqual(failureOf(result), {
    class: "connect_timeout",
    message: "The connection did not open: waited 10000 ms",
  });
  assert.equal(result.outcome.status, "timeout");
  assert.equal(line.closes, 1);
  assert.equal(clock.pending, 0);
});

Deno.test("utter() waits for a session no longer than readyTimeoutMs", async () => {
  const { clock, line, speak } = booth();
  const sample = speak();
  await clock.advance(5000);
  line.listener.opened();
  await clock.advance(30_000);
  const result = await sample;
  assert.equal(failureOf(result).class, "ready_timeout");
  assert.deepEqual(result.marks, { connected: 5000 });
  assert.equal(clock.pending, 0);
});

Deno.test("utter() waits for the transcript 10 s or half the audio by default", async () => {
  const { clock, line, sample } = await spoken();
  line.say(delta("part"));
  await clock.advance(9999);
  assert.equal(line.closes, 0);
  await clock.advance(1);
  const result = await sample;
  assert.equal(failureOf(result).class, "final_timeout");
  assert.equal(result.output.text, "part");
  assert.equal(result.endedMs, 10_253);
  const reported = await spoken({ finalTimeoutMs: 20 });
  await reported.clock.advance(20);
  assert.equal(failureOf(await reported.sample).class, "final_timeout");
});

Deno.test("utter() gives a server that was sent unpaced audio its length on top", async () => {
  const { clock, line, sample } = await begun({ speed: 0 });
  await clock.advance(10_249);
  assert.equal(line.closes, 0);
  await clock.advance(1);
  const result = await sample;
  assert.equal(failureOf(result).class, "final_timeout");
  assert.equal(result.endedMs - result.marks.endSent!, 10_250);
});

Deno.test("utter() bears silence for receiveTimeoutMs, counted from the last message", async () => {
  const { clock, line, sample } = await begun({ receiveTimeoutMs: 80 });
  await clock.advance(70);
  line.say(delta(""));
  await clock.advance(79);
  assert.equal(line.closes, 0);
  await clock.advance(1);
  const result = await sample;
  assert.deepEqual([failureOf(result).class, result.endedMs], [
    "receive_timeout",
    153,
  ]);
  assert.equal(clock.pending, 0);
});

Deno.test("utter() bears silence of 120 s and the audio's length by default, and any silence if off", async () => {
  const { clock, sample } = await begun({ speed: 0, finalTimeoutMs: 1e9 });
  await clock.advance(120_249);
  assert.equal(clock.pending > 0, true);
  await clock.advance(1);
  assert.equal(failureOf(await sample).class, "receive_timeout");
  assert.equal(clock.pending, 0);
  const patient = await begun({
    receiveTimeoutMs: "off",
    requestTimeoutMs: false,
    finalTimeoutMs: 1e9,
  });
  await patient.clock.advance(9e8);
  assert.equal(patient.line.closes, 0);
  patient.abort.abort();
  await patient.sample;
});

Deno.test("utter() ends an utterance of a server that never does, however busy it is", async () => {
  for (const [requestTimeoutMs, limitMs] of [[undefined, 600_500], [90, 90]]) {
    const { clock, line, sample } = await begun({
      speed: 0,
      finalTimeoutMs: 1e9,
      ...(requestTimeoutMs !== undefined && { requestTimeoutMs }),
    });
    while (line.closes === 0 && clock.now() < 1e6) {
      line.say(delta("and on "));
      await clock.advance(limitMs! / 10);
    }
    const result = await sample;
    assert.equal(failureOf(result).class, "request_timeout");
    assert.equal(result.endedMs, limitMs);
    assert.match(result.output.text!, /^(and on ){10,11}$/);
    assert.equal(clock.pending, 0);
  }
});

Deno.test("utter() fails deltas without an end that take too much memory, and keeps what came", async () => {
  const memory = new MemoryBudget({ requestBytes: 10_000, totalBytes: 1e9 });
  const { line, sample } = await begun({ memory });
  while (line.closes === 0) line.say(delta("x"));
  const result = await sample;
  assert.equal(failureOf(result).class, "too_large");
  assert.equal(result.outcome.status, "error");
  assert.equal(result.output.text, "x".repeat(result.deltas.length));
  assert.ok(result.deltas.length > 50);
});

// What a server may do wrong.
const FAULTS: readonly [
  name: string,
  said: (object | string)[],
  failure: object,
][] = [
  ["an error", [{ type: "error", error: "bad", code: "e1" }], {
    class: "server_error",
    code: "e1",
    message: "e1: bad",
  }],
  ["an error as an object", [{
    type: "error",
    error: { message: "no", code: "401" },
  }], {
    class: "server_error",
    code: "401",
    message: "401: no",
  }],
  ["bad JSON", ["{not-json"], {
    class: "protocol_error",
    message: "The server's messages must be JSON objects, but was {not-json",
  }],
  ["an empty message", [" "], {
    class: "protocol_error",
    message: "The server's messages must be JSON objects, but was empty",
  }],
  ["JSON that is not an object", ["[]"], {
    class: "protocol_error",
    message: "The server's messages must be JSON objects, but was []",
  }],
];

for (const [name, said, failure] of FAULTS) {
  Deno.test(`utter() fails on ${name} and keeps the text received`, async () => {
    const { clock, line, sample } = await begun();
    await clock.advance(150);
    line.say(delta("part"), ...said, delta("late"));
    const result = await sample;
    assert.deepEqual(failureOf(result), failure);
    assert.equal(result.output.text, "part");
    assert.deepEqual(result.deltas.length, 1);
    assert.equal(line.closes, 1);
    assert.equal(clock.pending, 0);
  });

  Deno.test(`utter() fails on ${name} as the first message`, async () => {
    const { clock, line, speak } = booth();
    const sample = speak();
    await clock.settle();
    line.listener.opened();
    line.say(...said);
    assert.deepEqual(failureOf(await sample), failure);
    assert.equal(clock.pending, 0);
  });
}

Deno.test("utter() fails on a binary frame", async () => {
  const { line, sample } = await begun();
  line.listener.message(new Uint8Array(3), true);
  const { message, ...failure } = failureOf(await sample);
  assert.deepEqual(failure, { class: "protocol_error" });
  assert.match(message, /binary frame/);
});

Deno.test("utter() decodes what its transport has left as bytes", async () => {
  const { line, sample } = await spoken();
  line.listener.message(
    new TextEncoder().encode(JSON.stringify(done("né"))),
    false,
  );
  assert.equal((await sample).output.text, "né");
});

Deno.test("utter() fails if the first message is not the greeting", async () => {
  const { clock, line, speak } = booth();
  const sample = speak();
  await clock.settle();
  line.listener.opened();
  line.say({ type: "unexpected.ping" });
  assert.deepEqual(failureOf(await sample), {
    class: "protocol_error",
    message:
      "The server's first message must be session.created, but was unexpected.ping",
  });
});

Deno.test("utter() fails with the dialect's name if the dialect fails, at whatever step", async () => {
  const vllm = vllmDialect as Dialect;
  const step = (value: unknown) => () => value as never;
  const noEvents = "each step must have a list of events";
  const unknown = { state: {}, events: [{ kind: "foo" }] };
  const noText = { state: {}, events: [{ kind: "partial" }] };
  const cases: [Partial<Dialect>, string | RegExp][] = [
    [{ start: step(undefined) }, noEvents],
    [{ start: step({ state: {} }) }, noEvents],
    [{ receive: step(undefined) }, noEvents],
    [{ receive: step(unknown) }, 'unknown event { kind: "foo" }'],
    [{ receive: step(noText) }, "text must be a string, but was undefined"],
    [{ begin: step(undefined) }, /messages/],
    [{ end: step(undefined) }, /messages/],
  ];
  for (const [broken, message] of cases) {
    const { clock, line, speak } = booth({ dialect: { ...vllm, ...broken } });
    const sample = speak();
    await clock.advance(1);
    line.listener.opened();
    line.say(created);
    await clock.advance(300);
    const failure = failureOf(await sample);
    assert.equal(failure.class, "protocol_error");
    if (typeof message === "string") {
      assert.equal(failure.message, `The dialect "vllm" failed: ${message}`);
    } else assert.match(failure.message, message);
    assert.equal(line.closes, 1);
    assert.equal(clock.pending, 0);
  }
});

Deno.test("utter() bears as many unknown events as maxIgnoredEvents allows", async () => {
  const { line, sample } = await spoken({ maxIgnoredEvents: 2 });
  line.say({ type: "a" }, delta("x"), { type: "b" });
  assert.equal(line.closes, 0);
  line.say({ type: "noise.event" });
  const result = await sample;
  assert.deepEqual(failureOf(result), {
    class: "protocol_error",
    message:
      "The server sent 3 events that the dialect does not know, the last of type noise.event: see maxIgnoredEvents",
  });
  assert.equal(result.output.text, "x");
});

Deno.test("utter() reports by its code how a connection was lost", async () => {
  for (const code of [1000, 1001, 1006, 1008, 1009, 1011, 1012]) {
    const { clock, line, sample } = await begun();
    await clock.advance(150);
    line.say(delta("part"));
    line.listener.closed({ code, reason: "why" });
    const result = await sample;
    assert.deepEqual(failureOf(result), {
      class: "closed",
      code: String(code),
      message: `The connection was closed with ${code}: why`,
    });
    assert.equal(result.output.text, "part");
    assert.equal(clock.pending, 0);
  }
});

Deno.test("utter() ends at once when the run is cancelled, with the text received kept", async () => {
  const { clock, line, abort, sample } = await begun();
  await clock.advance(150);
  line.say(delta("part"));
  abort.abort(new Error("stop"));
  const result = await sample;
  assert.deepEqual([result.outcome.status, failureOf(result).class], [
    "cancelled",
    "cancelled",
  ]);
  assert.equal(result.output.text, "part");
  assert.equal(line.closes, 1);
  assert.equal(clock.pending, 0);
});

Deno.test("utter() takes the run's own reason for stopping", async () => {
  const { clock, abort, sample } = await begun();
  abort.abort(new RequestError("request_timeout", "too long"));
  const { outcome } = await sample;
  assert.equal(outcome.status, "timeout");
  assert.equal(clock.pending, 0);
});

Deno.test("utter() lets a used connection rest, and ignores the messages of the one before", async () => {
  const { clock, line, sample, speak } = await spoken({ reuse: true });
  line.say(done("first"));
  assert.equal((await sample).output.text, "first");
  line.say(done("first"));
  const next = speak();
  await clock.settle();
  line.say(done("first"));
  const before = line.sent.length;
  await clock.advance(4.9);
  assert.equal(line.sent.length, before);
  await clock.advance(0.1);
  assert.deepEqual(line.sent.slice(before), [START]);
  await clock.advance(250);
  line.say(done("second"));
  const { output, marks, reads } = await next;
  assert.equal(output.text, "second");
  assert.deepEqual(marks, { streamStart: 258, endSent: 508, final: 508 });
  assert.equal(reads.count, 1);
  assert.equal(line.closes, 0);
});

Deno.test("utter() fails at once if a used connection is lost while it rests", async () => {
  const { clock, line, sample, speak } = await spoken({ reuse: true });
  line.say(done("first"));
  await sample;
  const next = speak();
  await clock.settle();
  line.listener.closed({ code: 1012, reason: "" });
  assert.equal(failureOf(await next).code, "1012");
  assert.equal(clock.pending, 0);
});

Deno.test("ConnectionPool takes a new one for one that was closed while idle, or failed", async () => {
  const { clock, line, sample, speak } = await spoken({ reuse: true });
  const first = line.listener;
  line.say(done("first"));
  await sample;
  first.closed({ code: 1001, reason: "" });
  const next = speak();
  await clock.settle();
  assert.notEqual(line.listener, first);
  line.listener.opened();
  line.say(created, { type: "error", error: "no" });
  await next;
  const second = line.listener;
  const last = speak();
  await clock.settle();
  assert.notEqual(line.listener, second);
  line.listener.closed({
    code: 1006,
    reason: "",
    refusal: { status: 403, body: "" },
  });
  const { code, message } = failureOf(await last);
  assert.equal(code, "403");
  assert.match(message, /HTTP 403.*not for realtime/);
});

/** A watch that gives the bound of every read. */
function watchOf(waitedMs: () => number): LoopWatch {
  return { method: "scheduler", queuedMs: 0, touch() {}, waitedMs };
}

Deno.test("the client's share of an utterance is that of the reads with the first text and the transcript", async () => {
  let waitedMs = 0;
  const watch = watchOf(() => waitedMs);
  const { clock, line, sample } = await begun({ watch });
  const say = (ms: number, message: object) => {
    waitedMs = ms;
    line.say(message);
    // Whatever is read or ends afterwards.
    waitedMs = 99;
  };
  await clock.advance(150);
  say(1, delta(""));
  say(2, delta("he"));
  say(3, delta("llo"));
  await clock.advance(150);
  say(4, done("hello"));
  const { client, output } = await sample;
  assert.equal(output.text, "hello");
  // The request itself is audio that the microphone sends: its lateness is recorded chunk by chunk.
  assert.deepEqual(client, { firstTokenMs: 2, endMs: 4, turnaroundMs: 0 });
});

Deno.test("a message that passes a relay has the time at which the system received it", async () => {
  const watch = watchOf(() => 20);
  const { clock, line, sample } = await begun({ watch });
  await clock.advance(150);
  const firstMs = clock.now() - 12;
  line.listener.arrived!({
    epochMs: clock.epochMs + firstMs,
    errorMs: 0.5,
    sinceEpochMs: clock.epochMs,
  });
  await clock.advance(10);
  line.say(delta("hello"));
  await clock.advance(140);
  const finalMs = clock.now() - 5;
  // Others are behind it in the read, so that it may be older.
  line.listener.arrived!({
    epochMs: clock.epochMs + finalMs,
    errorMs: undefined,
    sinceEpochMs: clock.epochMs + finalMs - 3,
  });
  line.say(done("hello"));
  const { client, deltas, marks } = await sample;
  assert.equal(deltas[0]!.atMs, firstMs);
  assert.equal(marks.final, finalMs);
  assert.deepEqual(client, { firstTokenMs: 0.5, endMs: 3, turnaroundMs: 5 });
});

Deno.test("the client's share of an utterance without a transcript is that of its end", async () => {
  const watch = watchOf(() => 7);
  const { clock, line, sample } = await begun({ watch });
  await clock.advance(150);
  line.listener.closed({ code: 1011, reason: "" });
  const { client, outcome } = await sample;
  assert.equal(outcome.status, "error");
  assert.deepEqual(client, { endMs: 7 });
});
