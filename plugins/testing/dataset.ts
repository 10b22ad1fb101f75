import type { Dataset } from "../../core/contract.ts";
import type { Audio, Session } from "../../core/request.ts";
import type { Configured } from "../plugin.ts";
import {
  must,
  mustBeAmount,
  mustBeName,
  mustBePlain,
  mustBeSame,
  mustBeText,
  never,
  outcomeOf,
  Suite,
  type SuiteOptions,
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
  const { limit = 50, firstMs = 2000 } = options;
  const suite = new Suite(plugin, options);
  /** Returns the first sessions of a reading. */
  async function read(dataset: Dataset, { seed = 1, pass = 0 } = {}) {
    const sessions: Session[] = [];
    const reading = (async () => {
      const given = { seed, pass, signal: never() };
      for await (const session of dataset.sessions(given)) {
        sessions.push(session);
        if (sessions.length >= limit) break;
      }
    })();
    await suite.within(reading, "reading");
    return sessions;
  }
  const begin = (dataset: Dataset, signal = never()) =>
    dataset.sessions({ seed: 1, pass: 0, signal })[Symbol.asyncIterator]();
  const end = (iterator: AsyncIterator<Session>) =>
    suite.within(iterator.return?.(), "end of a reading", suite.graceMs);

  suite.check("can be opened twice at the same time", async (dataset) => {
    const rule = "two instances must yield the same sessions";
    await suite.use(async (twin) =>
      mustBeEqual(await read(dataset), await read(twin), rule)
    );
  });
  suite.check("describes itself in plain data", ({ facts }, secrets) => {
    if (facts !== undefined) mustBePlain(facts, "facts", secrets);
  });
  suite.check("yields sessions with turns and unique ids", async (dataset) => {
    const sessions = await read(dataset);
    must(sessions.length > 0, "a dataset must yield at least one session");
    sessions.forEach(mustBeSession);
    const ids = sessions.map(({ id }) => id);
    const twice = ids.find((id, i) => ids.indexOf(id) !== i);
    must(twice === undefined, "id of a session must be unique", twice);
  });
  suite.check(
    "yields the same order for the same seed and pass",
    async (dataset) => {
      const readings = [{ seed: 1 }, { seed: 2 }, { seed: 1, pass: 1 }];
      for (const reading of readings) {
        const first = await read(dataset, reading);
        const shown = JSON.stringify(reading);
        const rule = `the order of ${shown} must be the same twice`;
        mustBeEqual(first, await read(dataset, reading), rule);
      }
    },
  );
  suite.check("keeps concurrent readings apart", async (dataset) => {
    const alone = await read(dataset);
    const together = await Promise.all([read(dataset), read(dataset)]);
    for (const each of together) {
      mustBeEqual(each, alone, "a reading must not affect another");
    }
  });
  suite.check(
    "yields its first session quickly, without media",
    async (dataset) => {
      const iterator = begin(dataset);
      const { value, done } = await suite.within(
        iterator.next(),
        "first session",
        firstMs,
      );
      await end(iterator);
      must(!done, "a dataset must yield at least one session");
      for (const { columns } of (value as Session).turns) {
        mustHoldNoMedia(columns);
      }
    },
  );
  suite.check("decodes audio on demand", async (dataset) => {
    const audio = (await read(dataset)).flatMap(({ turns }) => turns)
      .find(({ columns }) => columns.audio)?.columns.audio;
    if (audio) {
      const pcm = await suite.within(audio.pcm16(16_000), "pcm16()");
      mustBeAudio(audio, pcm);
    }
  });
  suite.check("stops when its signal aborts", async (dataset) => {
    const abort = new AbortController();
    const iterator = begin(dataset, abort.signal);
    await suite.within(iterator.next(), "first session");
    abort.abort(new Error("the suite aborted the reading"));
    await suite.within(drain(iterator), "an aborted reading", suite.graceMs);
  });
  suite.check("does not start an aborted reading", async (dataset) => {
    const signal = AbortSignal.abort(new Error("aborted before the reading"));
    const iterator = begin(dataset, signal);
    await suite.within(
      drain(iterator),
      "a reading after its signal aborted",
      suite.graceMs,
    );
  });
  suite.check("stops when its reader stops", async (dataset) => {
    const iterator = begin(dataset);
    await suite.within(iterator.next(), "first session");
    await end(iterator);
  });
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
  mustBeName(id, "id of a session");
  const hasTurns = Array.isArray(turns) && turns.length > 0;
  must(hasTurns, `session ${id} must have at least one turn`);
  for (const { columns, maxOutputTokens, thinkMs } of turns) {
    const hasColumns = typeof columns === "object" && columns !== null;
    must(hasColumns, `turns of session ${id} must have columns`);
    mustBeText(columns.text, "text");
    mustBeText(columns.reference, "reference");
    const isLimit = maxOutputTokens === undefined || maxOutputTokens > 0;
    must(isLimit, "maxOutputTokens must be above 0", maxOutputTokens);
    mustBeAmount(thinkMs, "thinkMs");
  }
}

/** @param pcm The audio at 16 kHz. */
function mustBeAudio({ id, durationMs }: Audio, pcm: Int16Array): void {
  mustBeName(id, "audio.id");
  const isFinite = durationMs > 0 && durationMs < Infinity;
  must(isFinite, "audio.durationMs must be above 0", durationMs);
  const hasSamples = pcm instanceof Int16Array && pcm.length > 0;
  must(hasSamples, "pcm16() must return samples");
  const pcmMs = pcm.length / 16;
  const isNear = Math.abs(pcmMs - durationMs) <= 100 + durationMs / 50;
  const rule =
    `audio.durationMs must be about the duration of pcm16(), ${pcmMs}`;
  must(isNear, rule, durationMs);
}

function mustBeEqual(
  here: readonly Session[],
  there: readonly Session[],
  rule: string,
): void {
  const textOf = (session: Session) => JSON.stringify(session, withoutMedia);
  const item = "session";
  mustBeSame(here.map(textOf), there.map(textOf), { rule, item });
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
