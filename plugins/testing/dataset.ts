import type { Dataset } from "../../core/contract.ts";
import type { Session } from "../../core/request.ts";
import type { Configured } from "../plugin.ts";
import {
  type Check,
  contextOf,
  limitsOf,
  must,
  mustBePlain,
  outcomeOf,
  register,
  type SuiteOptions,
  within,
} from "./checks.ts";

/** What {@linkcode testDataset} needs to know. */
export interface DatasetSuiteOptions extends SuiteOptions {
  /**
   * How many sessions are read at most.
   *
   * @default {50}
   */
  readonly limit?: number;
  /**
   * How soon the first session must be there, in milliseconds: whatever is heavy waits behind its columns.
   *
   * @default {2000}
   */
  readonly firstMs?: number;
}

/**
 * Registers a test for every promise that a dataset makes.
 *
 * @example Usage
 * ```ts ignore
 * import { testDataset } from "@earshot/earshot/testing";
 * import mine from "./mine.ts";
 *
 * testDataset(mine({ path: "./testdata" }));
 * ```
 */
export function testDataset(
  plugin: Configured<"dataset">,
  options: DatasetSuiteOptions = {},
): void {
  register(datasetChecks(plugin, options), options);
}

/** The promises that a dataset makes, for those who register them on their own. */
export function datasetChecks(
  plugin: Configured<"dataset">,
  options: DatasetSuiteOptions = {},
): Check[] {
  const { limit = 50, firstMs = 2000, env } = options;
  const { graceMs, timeoutMs } = limitsOf(options);
  const check = (
    promise: string,
    run: (dataset: Dataset, secrets: ReadonlySet<string>) => Promise<void>,
  ): Check => ({
    name: `${plugin.name} ${promise}`,
    async run() {
      const context = contextOf(env);
      const dataset = await within(plugin.open(context), timeoutMs, "open()");
      try {
        await run(dataset, context.secrets);
      } finally {
        await within(dataset[Symbol.asyncDispose]?.(), timeoutMs, "disposal");
      }
    },
  });
  /** The first sessions of a reading. */
  async function read(dataset: Dataset, { seed = 1, pass = 0 } = {}) {
    const sessions: Session[] = [];
    const signal = new AbortController().signal;
    const reading = (async () => {
      for await (const session of dataset.sessions({ seed, pass, signal })) {
        sessions.push(session);
        if (sessions.length >= limit) break;
      }
    })();
    await within(reading, timeoutMs, "Reading");
    return sessions;
  }
  const begin = (dataset: Dataset, signal: AbortSignal) =>
    dataset.sessions({ seed: 1, pass: 0, signal })[Symbol.asyncIterator]();

  return [
    check("can be opened again while it is open", async (dataset) => {
      const twin = await plugin.open(contextOf(env));
      const [here, there] = [await read(dataset), await read(twin)];
      await within(twin[Symbol.asyncDispose]?.(), timeoutMs, "disposal");
      mustBeEqual(here, there, "Two that are opened alike must read alike");
    }),
    check("says what it is, in plain data", ({ facts }, secrets) => {
      if (facts !== undefined) mustBePlain(facts, "facts", secrets);
      return Promise.resolve();
    }),
    check(
      "yields sessions with turns, each with an id of its own",
      async (dataset) => {
        const sessions = await read(dataset);
        must(sessions.length > 0, "There must be a session");
        sessions.forEach(mustBeSession);
        const ids = sessions.map(({ id }) => id);
        const twice = ids.find((id, i) => ids.indexOf(id) !== i);
        must(twice === undefined, "The id of a session must be its own", twice);
      },
    ),
    check(
      "reads the same order for the same seed and pass",
      async (dataset) => {
        for (
          const reading of [{ seed: 1 }, { seed: 2 }, { seed: 1, pass: 1 }]
        ) {
          mustBeEqual(
            await read(dataset, reading),
            await read(dataset, reading),
            `Seed ${reading.seed}, pass ${
              reading.pass ?? 0
            } must read the same twice`,
          );
        }
      },
    ),
    check("keeps readings that run at once apart", async (dataset) => {
      const alone = await read(dataset);
      const together = await Promise.all([read(dataset), read(dataset)]);
      for (const each of together) {
        mustBeEqual(each, alone, "A reading must not notice another");
      }
    }),
    check("has its first session soon, and no media in it", async (dataset) => {
      const iterator = begin(dataset, new AbortController().signal);
      const { value, done } = await within(
        iterator.next(),
        firstMs,
        "The first session",
      );
      await within(iterator.return?.(), graceMs, "The end of a reading");
      must(!done, "There must be a session");
      for (const { columns } of (value as Session).turns) {
        mustHoldNoMedia(columns);
      }
    }),
    check("decodes its audio when it is asked to", async (dataset) => {
      const audio = (await read(dataset)).flatMap(({ turns }) => turns)
        .find(({ columns }) => columns.audio)?.columns.audio;
      if (!audio) return;
      must(
        typeof audio.id === "string" && audio.id !== "",
        "'audio.id' must be a text",
        audio.id,
      );
      must(
        audio.durationMs > 0 && audio.durationMs < Infinity,
        "'audio.durationMs' must be above 0",
        audio.durationMs,
      );
      const pcm = await within(audio.pcm16(16_000), timeoutMs, "pcm16()");
      must(
        pcm instanceof Int16Array && pcm.length > 0,
        "pcm16() must give samples",
      );
      const offMs = Math.abs(pcm.length / 16 - audio.durationMs);
      must(
        offMs <= 100 + audio.durationMs / 50,
        "pcm16() must be as long as 'audio.durationMs' says: it is off by so many ms",
        offMs,
      );
    }),
    check("ends when its signal aborts", async (dataset) => {
      const abort = new AbortController();
      const iterator = begin(dataset, abort.signal);
      await within(iterator.next(), timeoutMs, "The first session");
      abort.abort(new Error("The suite gave up"));
      await within(
        drain(iterator),
        graceMs,
        "A reading whose signal has aborted",
      );
    }),
    check("does not begin what was aborted before", async (dataset) => {
      const iterator = begin(
        dataset,
        AbortSignal.abort(new Error("Aborted before")),
      );
      await within(
        drain(iterator),
        graceMs,
        "A reading that was aborted before",
      );
    }),
    check("ends when its reader stops", async (dataset) => {
      const iterator = begin(dataset, new AbortController().signal);
      await within(iterator.next(), timeoutMs, "The first session");
      await within(iterator.return?.(), graceMs, "The end of a reading");
    }),
  ];
}

/** Reads to the end; one that never comes gives way to other work, so that time can tell. */
async function drain(iterator: AsyncIterator<Session>): Promise<void> {
  for (let i = 1;; i++) {
    const result = await outcomeOf(iterator.next(), "A reading");
    if ("error" in result || result.value.done) return;
    must(
      i < 10_000,
      "A reading must end when its signal aborts: it went on for 10000 sessions",
    );
  }
}

function mustBeSession({ id, turns }: Session): void {
  must(
    typeof id === "string" && id !== "",
    "The id of a session must be a text",
    id,
  );
  must(
    Array.isArray(turns) && turns.length > 0,
    `Session ${id} must have a turn`,
  );
  for (const { columns, maxOutputTokens, thinkMs } of turns) {
    must(
      typeof columns === "object" && columns !== null,
      `The turns of session ${id} must have columns`,
    );
    const { text, reference } = columns;
    must(
      text === undefined || typeof text === "string",
      "'text' must be a string",
      text,
    );
    must(
      reference === undefined || typeof reference === "string",
      "'reference' must be a string",
      reference,
    );
    must(
      maxOutputTokens === undefined || maxOutputTokens > 0,
      "'maxOutputTokens' must be above 0",
      maxOutputTokens,
    );
    must(
      thinkMs === undefined || thinkMs >= 0,
      "'thinkMs' must be a number from 0 on",
      thinkMs,
    );
  }
}

function mustBeEqual(
  here: readonly Session[],
  there: readonly Session[],
  rule: string,
): void {
  const text = (sessions: readonly Session[]) =>
    sessions.map((session) => JSON.stringify(session, withoutMedia));
  const [one, other] = [text(here), text(there)];
  must(
    one.length === other.length,
    `${rule}: ${one.length} and ${other.length} sessions were read`,
  );
  const at = one.findIndex((each, i) => each !== other[i]);
  must(at < 0, `${rule}: session ${at} differs`);
}

/** Audio stands for itself by its id. */
function withoutMedia(key: string, value: unknown): unknown {
  return key === "audio" && typeof value === "object" && value !== null &&
      "id" in value
    ? value.id
    : value;
}

function mustHoldNoMedia(
  value: unknown,
  path = "columns",
  seen = new Set<unknown>(),
): void {
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  const isMedia = ArrayBuffer.isView(value) || value instanceof ArrayBuffer ||
    value instanceof Blob;
  must(
    !isMedia,
    `${path} must not hold media: it waits behind a function until it is prepared`,
  );
  for (const [key, item] of Object.entries(value)) {
    mustHoldNoMedia(item, `${path}.${key}`, seen);
  }
}
