import { isDeepStrictEqual } from "node:util";
import type { Backend } from "../../core/contract.ts";
import type { InferenceRequest, Turn } from "../../core/request.ts";
import type { Configured } from "../plugin.ts";
import {
  mustBeInOrder,
  mustBeOutput,
  mustBeStamped,
  recordCalls,
} from "./calls.ts";
import {
  type Check,
  checkMaker,
  contextOf,
  limitsOf,
  must,
  mustBePlain,
  outcomeOf,
  pause,
  register,
  type SuiteOptions,
  within,
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
  register(backendChecks(plugin, options), options);
}

/** Time in which a finished request must not record anything, in milliseconds. */
const SILENCE_MS = 50;

/** Returns the checks of {@linkcode testBackend}, for code that registers them itself. */
export function backendChecks(
  plugin: Configured<"backend">,
  options: BackendSuiteOptions = {},
): Check[] {
  const { turn = { columns: { text: "hello" } }, env } = options;
  const { graceMs, timeoutMs } = limitsOf(options);
  const check = checkMaker(plugin, options);
  const prepare = async (backend: Backend, its = turn) =>
    await within(backend.prepare?.(its, never()), timeoutMs, "prepare()");
  /** Prepares a request and sends it. */
  async function send(
    backend: Backend,
    { id = 0, signal = never(), its = turn },
  ) {
    const prepared = await prepare(backend, its);
    const log = recordCalls(signal);
    const session = { id: `session-${id}`, turn: 0, history: [] };
    const request: InferenceRequest = { id, turn: its, prepared, session };
    return { log, sent: outcomeOf(backend.send(request, log.call), "send()") };
  }
  async function answer(backend: Backend, id = 0) {
    const { log, sent } = await send(backend, { id });
    const result = await within(sent, timeoutMs, "send()");
    log.end();
    return { log, result };
  }

  return [
    check("can be opened twice at the same time", async () => {
      const twin = await plugin.open(contextOf(env));
      await within(twin[Symbol.asyncDispose]?.(), timeoutMs, "disposal");
    }),
    check("describes itself in plain data", (backend, secrets) => {
      mustDescribeItself(backend, turn);
      const { facts } = backend;
      if (facts !== undefined) mustBePlain(facts, "facts", secrets);
    }),
    check("prepares a turn without changing it", async (backend) => {
      const before = { ...turn.columns };
      const first = await prepare(backend);
      const second = await prepare(backend);
      must(
        isDeepStrictEqual(first, second),
        "prepare() must return the same value for the same turn",
      );
      must(
        isDeepStrictEqual({ ...turn.columns }, before),
        "prepare() must not change the turn",
      );
    }),
    check("answers", async (backend) => {
      const { result, log } = await answer(backend);
      if ("error" in result) throw result.error;
      mustBeOutput(result.value);
      const { text, embeddings } = result.value;
      must(
        log.outputs.length > 0 || text !== undefined ||
          embeddings !== undefined,
        "send() must record output, or return a text or the number of embeddings",
      );
    }),
    check("stamps each read before its output", async (backend) => {
      mustBeStamped((await answer(backend)).log);
    }),
    check("marks instants in order, within the request", async (backend) => {
      mustBeInOrder((await answer(backend)).log);
    }),
    check("records nothing after the answer", async (backend) => {
      const { log } = await answer(backend);
      await pause(SILENCE_MS);
      mustBeSilent(log.afterEnd, "send()");
    }),
    check("keeps concurrent requests apart", async (backend) => {
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
    }),
    check("stops when its signal aborts", async (backend) => {
      const abort = new AbortController();
      const { log, sent } = await send(backend, { signal: abort.signal });
      await pause(1);
      abort.abort(new Error("the suite aborted the request"));
      await within(sent, graceMs, "send() of an aborted request");
      log.end();
      await pause(SILENCE_MS);
      mustBeSilent(log.afterEnd, "an aborted send()");
    }),
    check("does not start an aborted request", async (backend) => {
      const signal = AbortSignal.abort(new Error("aborted before the request"));
      const { sent, log } = await send(backend, { signal });
      await within(sent, graceMs, "send() after its signal aborted");
      must(log.outputs.length === 0, "an aborted request must have no output");
    }),
    check("never reads the reference", async (backend) => {
      let isRead = false;
      const columns = Object.defineProperty({ ...turn.columns }, "reference", {
        enumerable: false,
        get: () => (isRead = true, "the expected transcript"),
      });
      const { sent } = await send(backend, { its: { ...turn, columns } });
      await within(sent, timeoutMs, "send()");
      must(!isRead, "the reference must never be read, as it is never sent");
    }),
    check("accepts the end of any session", (backend) => {
      backend.endSession?.("session-0");
      backend.endSession?.("unknown");
    }),
  ];
}

/** Asserts the description of a backend, and that a turn has the columns that it needs. */
function mustDescribeItself(
  { needs, spreadMs = 0 }: Backend,
  { columns }: Turn,
): void {
  must(
    Array.isArray(needs) &&
      needs.flat().every((each) => typeof each === "string"),
    "needs must be a list of columns, or of lists of columns",
    needs,
  );
  const missing = needs.filter((each) =>
    [each].flat().every((column) => columns[column] === undefined)
  );
  must(
    missing.length === 0,
    `the suite's turn must have every column that the backend needs: ${missing}`,
  );
  must(
    spreadMs >= 0 && spreadMs < Infinity,
    "spreadMs must be a number from 0 on",
    spreadMs,
  );
}

function mustBeSilent(calls: readonly string[], what: string): void {
  must(
    calls.length === 0,
    `${what} must record nothing after it ends: ${calls}`,
  );
}

function never(): AbortSignal {
  return new AbortController().signal;
}
