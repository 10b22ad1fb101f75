import { isDeepStrictEqual } from "node:util";
import { type Clock, systemClock } from "../../core/clock.ts";
import type { Backend, Call } from "../../core/contract.ts";
import type { InferenceRequest, Turn } from "../../core/request.ts";
import type { AudioSent, Delta, Instant, Output } from "../../core/sample.ts";
import { onAbort } from "../../lib/abort.ts";
import type { Configured } from "../plugin.ts";
import {
  must,
  mustBeAmount,
  mustBeOneOf,
  mustBePlain,
  mustBeText,
  never,
  outcomeOf,
  pause,
  Suite,
  type SuiteOptions,
} from "./checks.ts";

/** Options of {@linkcode testBackend}. */
export interface BackendSuiteOptions extends SuiteOptions {
  /** A turn that the backend answers, with every column that it needs. @default A turn with the text "hello" */
  readonly turn?: Turn;
}

/**
 * Registers a test for every promise that a backend makes. The server that it sends to must be running.
 *
 * @example Usage
 * ```ts ignore
 * import { testBackend } from "@earshot/earshot/testing";
 * import mine from "./mine.ts";
 *
 * testBackend(mine({ target: "http://127.0.0.1:8000" }));
 * ```
 */
export function testBackend(
  plugin: Configured<"backend">,
  options: BackendSuiteOptions = {},
): void {
  const { turn = { columns: { text: "hello" } } } = options;
  const suite = new Suite(plugin, options);
  const prepare = (backend: Backend, its = turn) =>
    suite.within(backend.prepare?.(its, never()), "prepare()");
  /** Prepares a request and sends it. */
  async function send(
    backend: Backend,
    { id = 0, signal = never(), its = turn },
  ) {
    const prepared = await prepare(backend, its);
    const log = new CallLog();
    const session = { id: `session-${id}`, turn: 0, history: [] };
    const request: InferenceRequest = { id, turn: its, prepared, session };
    return {
      log,
      sent: outcomeOf(backend.send(request, log.call(signal)), "send()"),
    };
  }
  async function answer(backend: Backend, id = 0) {
    const { log, sent } = await send(backend, { id });
    const result = await suite.within(sent, "send()");
    log.end();
    return { log, result };
  }

  suite.check("can be opened twice at the same time", async () => {
    await suite.use(() => {});
  });
  suite.check("describes itself in plain data", (backend, secrets) => {
    mustDescribeItself(backend, turn);
    const { facts } = backend;
    if (facts !== undefined) mustBePlain(facts, "facts", secrets);
  });
  suite.check("prepares a turn without changing it", async (backend) => {
    const before = { ...turn.columns };
    const first = await prepare(backend);
    const second = await prepare(backend);
    const isSame = isDeepStrictEqual(first, second);
    must(isSame, "prepare() must return the same value for the same turn");
    const isKept = isDeepStrictEqual({ ...turn.columns }, before);
    must(isKept, "prepare() must not change the turn");
  });
  suite.check("answers", async (backend) => {
    const { result, log } = await answer(backend);
    if ("error" in result) throw result.error;
    mustBeOutput(result.value);
    const { text, embeddings } = result.value;
    must(
      log.outputs.length > 0 || text !== undefined || embeddings !== undefined,
      "send() must record output, or return a text or the number of embeddings",
    );
  });
  suite.check("stamps each read before its output", async (backend) => {
    mustBeStamped((await answer(backend)).log);
  });
  suite.check(
    "marks instants in order, within the request",
    async (backend) => {
      mustBeInOrder((await answer(backend)).log);
    },
  );
  suite.check("records nothing after the answer", async (backend) => {
    const { log } = await answer(backend);
    await pause(SILENCE_MS);
    mustBeSilent(log.afterEnd, "send()");
  });
  suite.check("keeps concurrent requests apart", async (backend) => {
    const all = await Promise.all(
      [0, 1, 2, 3].map((id) => answer(backend, id)),
    );
    for (const { log, result } of all) {
      if ("error" in result) throw result.error;
      mustBeStamped(log);
      must(
        log.outputs.length > 0 === all[0]!.log.outputs.length > 0,
        "concurrent requests must each record their own output",
      );
    }
  });
  suite.check("stops when its signal aborts", async (backend) => {
    const abort = new AbortController();
    const { log, sent } = await send(backend, { signal: abort.signal });
    await pause(1);
    abort.abort(new Error("the suite aborted the request"));
    await suite.within(sent, "send() of an aborted request", suite.graceMs);
    log.end();
    await pause(SILENCE_MS);
    mustBeSilent(log.afterEnd, "an aborted send()");
  });
  suite.check("does not start an aborted request", async (backend) => {
    const signal = AbortSignal.abort(new Error("aborted before the request"));
    const { sent, log } = await send(backend, { signal });
    await suite.within(sent, "send() after its signal aborted", suite.graceMs);
    must(log.outputs.length === 0, "an aborted request must have no output");
  });
  suite.check("never reads the reference", async (backend) => {
    let isRead = false;
    const columns = Object.defineProperty({ ...turn.columns }, "reference", {
      enumerable: false,
      get: () => (isRead = true, "the expected transcript"),
    });
    const { sent } = await send(backend, { its: { ...turn, columns } });
    await suite.within(sent, "send()");
    must(!isRead, "the reference must never be read, as it is never sent");
  });
  suite.check("answers over connections opened ahead", async (backend) => {
    if (!backend.connect) return;
    const call = { clock: systemClock(), signal: never() };
    mustBeTimes(await suite.within(backend.connect(2, call), "connect()"));
    const { result } = await answer(backend);
    if ("error" in result) throw result.error;
  });
  suite.check("stops connecting when its signal aborts", async (backend) => {
    const abort = new AbortController();
    const call = { clock: systemClock(), signal: abort.signal };
    const opening = Promise.allSettled([
      backend.connect?.(2, call),
      backend.roundTripMs?.(call),
    ]);
    abort.abort(new Error("the suite aborted the run"));
    await suite.within(opening, "aborted connecting", suite.graceMs);
  });
  suite.check("accepts the end of any session", (backend) => {
    backend.endSession?.("session-0");
    backend.endSession?.("unknown");
  });
}

/** Time in which a finished request must not record anything, in milliseconds. */
const SILENCE_MS = 50;

/** Asserts the result of `connect(2)`. */
function mustBeTimes(times: unknown): void {
  const isList = Array.isArray(times) && times.length <= 2 &&
    times.every((ms) => typeof ms === "number" && ms >= 0);
  const rule =
    "connect(2) must resolve with the time in ms of each connection, at most 2";
  must(isList, rule, times);
}

/** Asserts the description of a backend, and that a turn has the columns that it needs. */
function mustDescribeItself(
  { needs }: Backend,
  { columns }: Turn,
): void {
  const isList = Array.isArray(needs) &&
    needs.flat().every((each) => typeof each === "string");
  const rule = "needs must be a list of columns, or of lists of columns";
  must(isList, rule, needs);
  const missing = needs.filter((each) =>
    [each].flat().every((column) => columns[column] === undefined)
  );
  must(
    missing.length === 0,
    `the suite's turn must have every column that the backend needs: ${missing}`,
  );
}

function mustBeSilent(calls: readonly string[], what: string): void {
  must(
    calls.length === 0,
    `${what} must record nothing after it ends: ${calls}`,
  );
}

/** Returns the members of a call that depend on its signal. */
export function abortedBy(
  signal: AbortSignal,
): Pick<Call, "signal" | "throwIfAborted" | "onAbort"> {
  return {
    signal,
    throwIfAborted: () => signal.throwIfAborted(),
    onAbort: (task) => onAbort(signal, task),
  };
}

/** Records everything that a backend does in one request. */
class CallLog {
  readonly clock: Clock = systemClock();
  readonly startMs = this.clock.now();
  readonly readsMs: number[] = [];
  readonly outputs: { atMs: number; delta: Delta; readsBefore: number }[] = [];
  readonly marks: { instant: Instant; atMs: number }[] = [];
  readonly chunks: AudioSent[] = [];
  /** Names of calls that were made after `end()`. */
  readonly afterEnd: string[] = [];
  endMs: number | undefined;

  /** Ends the request. */
  end(): void {
    this.endMs ??= this.clock.now();
  }

  #note(name: string): void {
    if (this.endMs !== undefined) this.afterEnd.push(name);
  }

  /** Returns the call of a request. */
  call(signal: AbortSignal): Call {
    const { clock } = this;
    return {
      ...abortedBy(signal),
      clock,
      read: (bytes, atMs = clock.now(), sinceMs = atMs) => {
        this.#note("read");
        mustBeAmount(bytes, "bytes of read()");
        const rule = "sinceMs of read() must not be after its time";
        must(sinceMs <= atMs, rule, [sinceMs, atMs]);
        this.readsMs.push(atMs);
        return atMs;
      },
      arrived: (atMs, errorMs, sinceMs = atMs) => {
        this.#note("arrived");
        must(atMs <= clock.now(), "atMs of arrived() must have passed", atMs);
        mustBeAmount(errorMs, "errorMs of arrived()");
        const rule = "sinceMs of arrived() must not be after its time";
        must(sinceMs <= atMs, rule, [sinceMs, atMs]);
      },
      waitingSince: () => clock.now(),
      event: (atMs) => {
        this.#note("event");
        const isRead = this.readsMs.includes(atMs);
        const rule = "atMs of event() must be a time that read() returned";
        must(isRead, rule, atMs);
      },
      output: (atMs, delta) => {
        this.#note("output");
        this.outputs.push({ atMs, delta, readsBefore: this.readsMs.length });
      },
      buffered: (bytes) => {
        this.#note("buffered");
        mustBeAmount(bytes, "bytes of buffered()");
      },
      mark: (instant, atMs = clock.now()) => {
        this.#note(`mark ${instant}`);
        this.marks.push({ instant, atMs });
      },
      retried: () => {
        this.#note("retried");
        this.marks.length = 0;
      },
      sendWaited: (fromMs, untilMs) => {
        this.#note("sendWaited");
        const isWithin = fromMs >= this.startMs && untilMs >= fromMs &&
          untilMs <= clock.now();
        must(isWithin, "a wait of sendWaited() must lie within the request", [
          fromMs,
          untilMs,
        ]);
      },
      ended: (atMs) => {
        this.#note("ended");
        const isWithin = atMs >= this.startMs && atMs <= clock.now();
        must(isWithin, "atMs of ended() must lie within the request", atMs);
      },
      audioSent: (chunk) => {
        this.#note("audioSent");
        this.chunks.push(chunk);
      },
    };
  }
}

/** Asserts the shape of what `send()` resolves with. */
function mustBeOutput(output: Output): void {
  const isObject = typeof output === "object" && output !== null;
  must(isObject, "send() must resolve with an object", output);
  const { text, usage = {}, finishReason } = output;
  mustBeText(text, "text");
  mustBeText(finishReason, "finishReason");
  const { countedBy: _, audioSeconds: __, ...counts } = usage;
  for (const [name, count] of Object.entries(counts)) {
    const isCount = count === undefined ||
      (Number.isInteger(count) && count >= 0);
    const rule = "must be a whole number from 0 on, or absent if unknown";
    must(isCount, `usage.${name} ${rule}`, count);
  }
}

const KINDS = ["text", "reasoning", "tool", "refusal", "audio"];

/** Asserts that each output has the time of a read before it. */
function mustBeStamped({ readsMs, outputs }: CallLog): void {
  for (const { atMs, delta, readsBefore } of outputs) {
    must(readsBefore > 0, "read() must be called before its output");
    const isRead = readsMs.slice(0, readsBefore).includes(atMs);
    must(isRead, "atMs of output() must be a time that read() returned", atMs);
    mustBeOneOf(delta.kind, KINDS, "kind of a delta");
    mustBeText(delta.text, "text of a delta");
  }
}

/** Pairs of instants; the first must not be later than the second if both were marked. */
const ORDER: readonly [Instant, Instant][] = [
  ["connected", "ready"],
  ["connected", "requestSent"],
  ["requestSent", "headers"],
  ["ready", "streamStart"],
  ["streamStart", "endSent"],
];

/** Asserts that marks and chunks lie within the request, in order. */
function mustBeInOrder(
  { marks, chunks, startMs, endMs = Infinity }: CallLog,
): void {
  const times: Partial<Record<Instant, number>> = {};
  const names = marks.map(({ instant }) => instant);
  const isOnce = new Set(names).size === names.length;
  must(isOnce, "instants must be marked once each", names);
  for (const { instant, atMs } of marks) {
    times[instant] = atMs;
    const isWithin = atMs >= startMs && atMs <= endMs;
    must(isWithin, `${instant} must lie within the request`, atMs - startMs);
  }
  for (const [earlier, later] of ORDER) {
    const { [earlier]: from = -Infinity, [later]: to = Infinity } = times;
    must(from <= to, `${earlier} must not be later than ${later}`);
  }
  let sentMs = startMs;
  let audioMs = 0;
  for (const chunk of chunks) {
    const isNext = chunk.atMs >= sentMs && chunk.atMs <= endMs;
    const sinceMs = chunk.atMs - startMs;
    must(isNext, "atMs of chunks must ascend within the request", sinceMs);
    must(chunk.endMs > audioMs, "endMs of chunks must ascend", chunk.endMs);
    [sentMs, audioMs] = [chunk.atMs, chunk.endMs];
  }
}
