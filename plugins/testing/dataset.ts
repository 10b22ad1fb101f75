import type { Dataset } from "../../core/contract.ts";
import type { Audio, Session } from "../../core/request.ts";
import type { Configured } from "../plugin.ts";
import {
  type Check,
  checkMaker,
  contextOf,
  limitsOf,
  must,
  mustBePlain,
  mustBeText,
  outcomeOf,
  register,
  type SuiteOptions,
  within,
} from "./checks.ts";

/** Options of {@linkcode testDataset}. */
export interface DatasetSuiteOptions extends SuiteOptions {
  /** Number of sessions that are read at most. @default {50} */
  readonly limit?: number;
  /** Time limit of the first session, in milliseconds; expensive work waits until a column is read. @default {2000} */
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

/** Returns the checks of {@linkcode testDataset}, for code that registers them itself. */
export function datasetChecks(
  plugin: Configured<"dataset">,
  options: DatasetSuiteOptions = {},
): Check[] {
  const { limit = 50, firstMs = 2000, env } = options;
  const { graceMs, timeoutMs } = limitsOf(options);
  const check = checkMaker(plugin, options);
  /** Returns the first sessions of a reading. */
  async function read(dataset: Dataset, { seed = 1, pass = 0 } = {}) {
    const sessions: Session[] = [];
    const signal = new AbortController().signal;
    const reading = (async () => {
      for await (const session of dataset.sessions({ seed, pass, signal })) {
        sessions.push(session);
        if (sessions.length >= limit) break;
      }
    })();
    await within(reading, timeoutMs, "reading");
    return sessions;
  }
  const begin = (dataset: Dataset, signal: AbortSignal) =>
    dataset.sessions({ seed: 1, pass: 0, signal })[Symbol.asyncIterator]();

  return [
    check("can be opened twice at the same time", async (dataset) => {
      const twin = await plugin.open(contextOf(env));
      const [here, there] = [await read(dataset), await read(twin)];
      await within(twin[Symbol.asyncDispose]?.(), timeoutMs, "disposal");
      mustBeEqual(here, there, "two instances must yield the same sessions");
    }),
    check("describes itself in plain data", ({ facts }, secrets) => {
      if (facts !== undefined) mustBePlain(facts, "facts", secrets);
    }),
    check("yields sessions with turns and unique ids", async (dataset) => {
      const sessions = await read(dataset);
      must(sessions.length > 0, "a dataset must yield at least one session");
      sessions.forEach(mustBeSession);
      const ids = sessions.map(({ id }) => id);
      const twice = ids.find((id, i) => ids.indexOf(id) !== i);
      must(twice === undefined, "id of a session must be unique", twice);
    }),
    check(
      "yields the same order for the same seed and pass",
      async (dataset) => {
        for (
          const reading of [{ seed: 1 }, { seed: 2 }, { seed: 1, pass: 1 }]
        ) {
          mustBeEqual(
            await read(dataset, reading),
            await read(dataset, reading),
            `the order of ${JSON.stringify(reading)} must be the same twice`,
          );
        }
      },
    ),
    check("keeps concurrent readings apart", async (dataset) => {
      const alone = await read(dataset);
      const together = await Promise.all([read(dataset), read(dataset)]);
      for (const each of together) {
        mustBeEqual(each, alone, "a reading must not affect another");
      }
    }),
    check(
      "yields its first session quickly, without media",
      async (dataset) => {
        const iterator = begin(dataset, new AbortController().signal);
        const { value, done } = await within(
          iterator.next(),
          firstMs,
          "first session",
        );
        await within(iterator.return?.(), graceMs, "end of a reading");
        must(!done, "a dataset must yield at least one session");
        for (const { columns } of (value as Session).turns) {
          mustHoldNoMedia(columns);
        }
      },
    ),
    check("decodes audio on demand", async (dataset) => {
      const audio = (await read(dataset)).flatMap(({ turns }) => turns)
        .find(({ columns }) => columns.audio)?.columns.audio;
      if (audio) {
        mustBeAudio(
          audio,
          await within(audio.pcm16(16_000), timeoutMs, "pcm16()"),
        );
      }
    }),
    check("stops when its signal aborts", async (dataset) => {
      const abort = new AbortController();
      const iterator = begin(dataset, abort.signal);
      await within(iterator.next(), timeoutMs, "first session");
      abort.abort(new Error("the suite aborted the reading"));
      await within(drain(iterator), graceMs, "an aborted reading");
    }),
    check("does not start an aborted reading", async (dataset) => {
      const signal = AbortSignal.abort(new Error("aborted before the reading"));
      const iterator = begin(dataset, signal);
      await within(
        drain(iterator),
        graceMs,
        "a reading after its signal aborted",
      );
    }),
    check("stops when its reader stops", async (dataset) => {
      const iterator = begin(dataset, new AbortController().signal);
      await within(iterator.next(), timeoutMs, "first session");
      await within(iterator.return?.(), graceMs, "end of a reading");
    }),
  ];
}

/** Number of sessions after which a reading counts as endless. */
const ENDLESS = 10_000;

/** Reads to the end of a reading. */
async function drain(iterator: AsyncIterator<Session>): Promise<void> {
  for (let i = 1;; i++) {
    const result = await outcomeOf(iterator.next(), "reading");
    if ("error" in result || result.value.done) return;
    must(
      i < ENDLESS,
      `a reading must end when its signal aborts, but yielded ${ENDLESS} sessions`,
    );
  }
}

function mustBeSession({ id, turns }: Session): void {
  const isText = typeof id === "string" && id !== "";
  must(isText, "id of a session must be a string that is not empty", id);
  const hasTurns = Array.isArray(turns) && turns.length > 0;
  must(hasTurns, `session ${id} must have at least one turn`);
  for (const { columns, maxOutputTokens, thinkMs } of turns) {
    must(
      typeof columns === "object" && columns !== null,
      `turns of session ${id} must have columns`,
    );
    mustBeText(columns.text, "text");
    mustBeText(columns.reference, "reference");
    must(
      maxOutputTokens === undefined || maxOutputTokens > 0,
      "maxOutputTokens must be above 0",
      maxOutputTokens,
    );
    must(
      thinkMs === undefined || thinkMs >= 0,
      "thinkMs must be a number from 0 on",
      thinkMs,
    );
  }
}

/** @param pcm The audio at 16 kHz. */
function mustBeAudio({ id, durationMs }: Audio, pcm: Int16Array): void {
  const isText = typeof id === "string" && id !== "";
  must(isText, "audio.id must be a string that is not empty", id);
  const isFinite = durationMs > 0 && durationMs < Infinity;
  must(isFinite, "audio.durationMs must be above 0", durationMs);
  const hasSamples = pcm instanceof Int16Array && pcm.length > 0;
  must(hasSamples, "pcm16() must return samples");
  const differenceMs = Math.abs(pcm.length / 16 - durationMs);
  must(
    differenceMs <= 100 + durationMs / 50,
    `audio.durationMs must be about the duration of pcm16(), ${
      pcm.length / 16
    }`,
    durationMs,
  );
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
    `${rule}, but ${one.length} and ${other.length} sessions were read`,
  );
  const at = one.findIndex((each, i) => each !== other[i]);
  must(at < 0, `${rule}, but session ${at} differs`);
}

/** Replaces audio by its id. */
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
    `${path} must not contain media; load it in a function when it is prepared`,
  );
  for (const [key, item] of Object.entries(value)) {
    mustHoldNoMedia(item, `${path}.${key}`, seen);
  }
}
