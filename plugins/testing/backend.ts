import { isDeepStrictEqual } from "node:util";
import type { Backend } from "../../core/contract.ts";
import type { InferenceRequest, Turn } from "../../core/request.ts";
import type { Output } from "../../core/sample.ts";
import type { Configured } from "../plugin.ts";
import {
  type Check,
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
import {
  mustBeInOrder,
  mustBeOutput,
  mustBeStamped,
  recorder,
} from "./calls.ts";

/** What {@linkcode testBackend} needs to know. */
export interface BackendSuiteOptions extends SuiteOptions {
  /**
   * A turn that the backend answers, with every column that it needs.
   *
   * @default A turn with the text "hello"
   */
  readonly turn?: Turn;
}

/**
 * Registers a test for every promise that a backend makes. What it sends to has to be up.
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

/** The promises that a backend makes, for those who register them on their own. */
export function backendChecks(
  plugin: Configured<"backend">,
  options: BackendSuiteOptions = {},
): Check[] {
  const { turn = { columns: { text: "hello" } }, env } = options;
  const { graceMs, timeoutMs } = limitsOf(options);
  const check = (
    promise: string,
    run: (backend: Backend, secrets: ReadonlySet<string>) => Promise<void>,
  ): Check => ({
    name: `${plugin.name} ${promise}`,
    async run() {
      const context = contextOf(env);
      const backend = await within(plugin.open(context), timeoutMs, "open()");
      try {
        await run(backend, context.secrets);
      } finally {
        await within(backend[Symbol.asyncDispose]?.(), timeoutMs, "disposal");
      }
    },
  });
  /** Prepares a request and sends it. */
  async function send(backend: Backend, id = 0, signal = never()) {
    const prepared = await prepare(backend);
    const log = recorder(signal);
    const request: InferenceRequest = {
      id,
      turn,
      prepared,
      session: { id: `session-${id}`, turn: 0, history: [] },
    };
    const sent = outcomeOf(backend.send(request, log.call), "send()");
    return { log, sent };
  }
  const prepare = async (backend: Backend) =>
    await within(backend.prepare?.(turn, never()), timeoutMs, "prepare()");
  const answered = async (backend: Backend, id?: number) => {
    const { log, sent } = await send(backend, id);
    const result = await within(sent, timeoutMs, "send()");
    log.ended();
    return { log, result };
  };

  return [
    check("can be opened again while it is open", async () => {
      const twin = await plugin.open(contextOf(env));
      await within(twin[Symbol.asyncDispose]?.(), timeoutMs, "disposal");
    }),
    check(
      "says what it needs and is, in plain data",
      (backend, secrets) => {
        const { needs, facts, spreadMs = 0 } = backend;
        must(
          Array.isArray(needs) &&
            needs.flat().every((each) => typeof each === "string"),
          "'needs' must be a list of columns, or of lists of them",
          needs,
        );
        const missing = needs.filter((each) =>
          [each].flat().every((column) => turn.columns[column] === undefined)
        );
        must(
          missing.length === 0,
          "The suite's turn must have every column that 'needs' names",
          missing,
        );
        if (facts !== undefined) mustBePlain(facts, "facts", secrets);
        must(
          spreadMs >= 0 && spreadMs < Infinity,
          "'spreadMs' must be a number from 0 on",
          spreadMs,
        );
        return Promise.resolve();
      },
    ),
    check(
      "prepares the same from the same turn, and leaves the turn alone",
      async (backend) => {
        const before = { ...turn.columns };
        const [first, second] = [
          await prepare(backend),
          await prepare(backend),
        ];
        must(
          isDeepStrictEqual(first, second),
          "prepare() must give the same twice",
        );
        must(
          isDeepStrictEqual({ ...turn.columns }, before),
          "prepare() must not change the turn",
        );
      },
    ),
    check("answers, and says what completes the answer", async (backend) => {
      const { result, log } = await answered(backend);
      if ("error" in result) throw result.error;
      mustBeOutput(result.value);
      must(
        log.outputs.length > 0 || isAnswer(result.value),
        "send() must record what it received, or return its text or how many vectors came",
      );
    }),
    check(
      "stamps each read before the output that it carried",
      async (backend) => {
        const { log } = await answered(backend);
        mustBeStamped(log);
      },
    ),
    check(
      "marks instants in their order, and within the request",
      async (backend) => {
        const { log } = await answered(backend);
        mustBeInOrder(log);
      },
    ),
    check("records nothing once it has answered", async (backend) => {
      const { log } = await answered(backend);
      await pause(50);
      must(
        log.afterEnd.length === 0,
        "Nothing may be recorded after send() has ended",
        log.afterEnd,
      );
    }),
    check("keeps requests that run at once apart", async (backend) => {
      const all = await Promise.all(
        [0, 1, 2, 3].map((id) => answered(backend, id)),
      );
      for (const { log, result } of all) {
        if ("error" in result) throw result.error;
        mustBeStamped(log);
        must(
          log.outputs.length > 0 === all[0]!.log.outputs.length > 0,
          "Requests that run at once must each record their own output",
        );
      }
    }),
    check("lets go when its signal aborts", async (backend) => {
      const abort = new AbortController();
      const { log, sent } = await send(backend, 0, abort.signal);
      await pause(1);
      abort.abort(new Error("The suite gave up"));
      await within(sent, graceMs, "send() of an aborted request");
      log.ended();
      await pause(50);
      must(
        log.afterEnd.length === 0,
        "Nothing may be recorded after an aborted send() has ended",
        log.afterEnd,
      );
    }),
    check("does not begin what was aborted before", async (backend) => {
      const { sent, log } = await send(
        backend,
        0,
        AbortSignal.abort(new Error("Aborted before")),
      );
      await within(
        sent,
        graceMs,
        "send() of a request that was aborted before",
      );
      must(
        log.outputs.length === 0,
        "A request that was aborted before must have no output",
        log.outputs.length,
      );
    }),
    check("never looks at the reference", async (backend) => {
      let seen = false;
      const columns = { ...turn.columns };
      Object.defineProperty(columns, "reference", {
        enumerable: false,
        get: () => (seen = true, "what a perfect answer would say"),
      });
      const watched: Turn = { ...turn, columns };
      const prepared = await within(
        backend.prepare?.(watched, never()),
        timeoutMs,
        "prepare()",
      );
      const session = { id: "session", turn: 0, history: [] };
      const { call } = recorder(never());
      const request = { id: 0, turn: watched, prepared, session };
      await within(
        outcomeOf(backend.send(request, call), "send()"),
        timeoutMs,
        "send()",
      );
      must(!seen, "The reference must never be read, as it is never sent");
    }),
    check("can be told of the end of any session", (backend) => {
      backend.endSession?.("session-0");
      backend.endSession?.("never heard of");
      return Promise.resolve();
    }),
  ];
}

function isAnswer({ text, embeddings }: Output): boolean {
  return text !== undefined || embeddings !== undefined;
}

function never(): AbortSignal {
  return new AbortController().signal;
}
