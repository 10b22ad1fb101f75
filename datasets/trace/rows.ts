import { quotedNames } from "../../lib/text.ts";
import { messageOf, UsageError } from "../../plugins/mod.ts";
import { timeIn, type TimeUnit } from "../columns/times.ts";
import { asJson, countIn, missing, refusal } from "../columns/values.ts";
import { formatOf, openRecords } from "../formats/open.ts";
import type { Manifest, Row } from "../formats/manifest.ts";

/** Format of a trace. */
export type TraceFormat = "mooncake" | "vllm" | "weka" | "guidellm";

/** Formats: the unit of their times, and the tokens of a block that a hash id stands for. */
export const FORMATS: Readonly<
  Record<
    TraceFormat,
    { readonly timeUnit: TimeUnit; readonly blockTokens?: number }
  >
> = {
  mooncake: { timeUnit: "ms", blockTokens: 512 },
  vllm: { timeUnit: "s", blockTokens: 16 },
  weka: { timeUnit: "s", blockTokens: 64 },
  guidellm: { timeUnit: "s" },
};

/** Columns of a trace. */
export interface TraceColumns {
  /** When the request was sent. */
  timestamp?: string | undefined;
  /** Tokens of its prompt. */
  inputTokens?: string | undefined;
  /** Tokens of its answer. */
  outputTokens?: string | undefined;
  /** Ids of the blocks of its prompt. */
  hashIds?: string | undefined;
  /** Id of the session that a request belongs to. */
  session?: string | undefined;
  /** Pause before a request that continues a session, in milliseconds. */
  delay?: string | undefined;
}

/** Names of columns in known traces, in lower case, by priority. */
const NAMES: Readonly<Record<keyof TraceColumns, readonly string[]>> = {
  timestamp: ["timestamp", "t", "time", "arrival_time", "arrived_at"],
  inputTokens: [
    "input_length",
    "in",
    "input_tokens",
    "request tokens",
    "contexttokens",
    "prompt_tokens",
    "num_prefill_tokens",
  ],
  outputTokens: [
    "output_length",
    "out",
    "output_tokens",
    "response tokens",
    "generatedtokens",
    "completion_tokens",
    "num_decode_tokens",
  ],
  hashIds: ["hash_ids"],
  session: ["session_id"],
  delay: ["delay"],
};

/** Rows that are read at most: a trace is sorted in memory. */
const MAX_ROWS = 1_000_000;
/** Hash ids that are read at most. */
const MAX_IDS = 10_000_000;
/** More tokens than any model reads, so that more is an error of the trace. */
const MAX_TOKENS = 10_000_000;
/** A longer trace has times of several units, or of another one. */
const MAX_DAYS = 366;

/** A request of a trace. */
export interface TraceTurn {
  /** Number of the request, from 0. */
  readonly index: number;
  readonly inputTokens: number;
  readonly outputTokens: number | undefined;
  /** The blocks of its prompt: equal numbers are equal blocks. Numbers are given in the order of the file, from 0. */
  readonly blocks: readonly number[];
  /** Pause before the request, in milliseconds. */
  readonly thinkMs?: number;
}

/** A session of a trace: a request with its time, and those that continue it. */
export interface TraceSession {
  /** Number of its first row in the file. */
  readonly line: number;
  /** When it starts, in milliseconds from the first session. `undefined` if that is not known. */
  startMs: number | undefined;
  readonly turns: TraceTurn[];
  /** Why it cannot be used. */
  problem?: string;
}

/** A trace in memory. */
export interface Trace {
  readonly format: TraceFormat;
  readonly timeUnit: TimeUnit;
  /** Tokens of a block. `undefined` without hash ids. */
  readonly blockTokens: number | undefined;
  readonly columns: TraceColumns;
  /** Separates the file's name from a row's number. */
  readonly mark: string;
  /** In the order of their times. */
  readonly sessions: readonly TraceSession[];
  /** Number of requests. */
  readonly requests: number;
  /** Number of different blocks. */
  readonly blocks: number;
  /** Time from the first session to the last, in milliseconds. */
  readonly recordedMs: number;
}

/** Options for reading a trace. */
export interface TraceReading {
  readonly format?: TraceFormat | undefined;
  readonly timeUnit?: TimeUnit | undefined;
  readonly blockTokens?: number | undefined;
  readonly columns?: TraceColumns | undefined;
  readonly limit?: number | undefined;
}

/**
 * Reads a trace into memory and sorts it by time.
 *
 * @throws {UsageError} If it has no such columns, no row that can be used, or too many rows.
 */
export async function readTrace(
  path: string,
  options: TraceReading,
): Promise<Trace> {
  await using manifest = await openRecords(path, formatOf(path), {
    shuffle: false,
  });
  const columns = nameColumns(path, manifest, options.columns ?? {});
  const format = options.format ?? guessFormat(manifest, columns, options);
  const usual = FORMATS[format];
  const timeUnit = options.timeUnit ?? usual.timeUnit;
  const blockTokens = columns.hashIds === undefined
    ? undefined
    : options.blockTokens ?? usual.blockTokens;
  const rows = new TraceRows(columns, timeUnit, blockTokens);
  await rows.readAll(path, manifest, options.limit);
  const sessions = rows.sorted();
  const { line, problem } = sessions[0]!;
  if (sessions.every(({ problem }) => problem !== undefined)) {
    throw new UsageError(`${path}${manifest.mark}${line}: ${problem}`);
  }
  const times = sessions.flatMap(({ startMs }) => startMs ?? []);
  const firstMs = times[0]!, recordedMs = times.at(-1)! - firstMs;
  const days = recordedMs / 86_400_000;
  if (days > MAX_DAYS) {
    throw new UsageError(
      `${path}: the times must have one unit and span at most ${MAX_DAYS} days, but in ${timeUnit} they span ${
        Math.round(days)
      }; 'timeUnit' names the unit`,
    );
  }
  for (const session of sessions) {
    if (session.startMs !== undefined) session.startMs -= firstMs;
  }
  const { requests, blocks } = rows;
  const { mark } = manifest;
  return {
    ...{ format, timeUnit, blockTokens, columns, mark, sessions },
    ...{ requests, blocks, recordedMs },
  };
}

/** @throws {UsageError} If a named column does not exist, or there are no times or lengths. */
function nameColumns(
  path: string,
  { columns }: Manifest,
  given: TraceColumns,
): TraceColumns {
  const names: TraceColumns = {};
  for (const role of Object.keys(NAMES) as (keyof TraceColumns)[]) {
    const own = given[role];
    if (own !== undefined && own !== "" && !columns.includes(own)) {
      throw new UsageError(
        `columns.${role}: ${path} has no column ${
          JSON.stringify(own)
        }; there are: ${quotedNames(columns)}`,
      );
    }
    const known = NAMES[role].map((name) =>
      columns.find((column) => column.toLowerCase() === name)
    );
    const name = own ?? known.find((name) => name !== undefined);
    if (name) names[role] = name;
  }
  for (const role of ["timestamp", "inputTokens"] as const) {
    if (names[role] !== undefined) continue;
    throw new UsageError(
      `${path}: a trace must have a column ${
        JSON.stringify(NAMES[role][0])
      }, or one that 'columns.${role}' names, but its columns are ${
        quotedNames(columns)
      }`,
    );
  }
  return names;
}

/** Formats that may have the same columns and differ in the size of their blocks. */
const WITH_BLOCKS: readonly TraceFormat[] = ["mooncake", "vllm", "weka"];

/** Guesses the format from the columns, and from the number of hash ids for the length of a prompt. */
function guessFormat(
  { head }: Manifest,
  { timestamp, inputTokens, hashIds }: TraceColumns,
  { blockTokens: given }: TraceReading,
): TraceFormat {
  if (hashIds === undefined) return "guidellm";
  if (timestamp === "t") return "weka";
  const fits = (format: TraceFormat) => {
    const { blockTokens = NaN } = FORMATS[format];
    if (given !== undefined) return given === blockTokens ? 1 : 0;
    return head.filter((row) => {
      const ids = asJson(row[hashIds]);
      return Array.isArray(ids) &&
        ids.length === Math.ceil(Number(row[inputTokens!]) / blockTokens);
    }).length;
  };
  return WITH_BLOCKS.toSorted((a, b) => fits(b) - fits(a))[0]!;
}

/** Makes sessions of the rows of a trace. */
class TraceRows {
  readonly #columns: TraceColumns;
  readonly #timeUnit: TimeUnit;
  readonly #blockTokens: number | undefined;
  readonly #sessions: { session: TraceSession; sortMs: number }[] = [];
  /** The sessions that later rows may continue. */
  readonly #byId = new Map<unknown, TraceSession>();
  /** Number of each hash id. */
  readonly #numbers = new Map<unknown, number>();
  #ids = 0;
  #sortMs = -Infinity;
  requests = 0;

  constructor(
    columns: TraceColumns,
    timeUnit: TimeUnit,
    blockTokens: number | undefined,
  ) {
    this.#columns = columns;
    this.#timeUnit = timeUnit;
    this.#blockTokens = blockTokens;
  }

  /** Number of different blocks. */
  get blocks(): number {
    return this.#numbers.size;
  }

  async readAll(
    path: string,
    manifest: Manifest,
    limit: number | undefined,
  ): Promise<void> {
    const columns = Object.values(this.#columns);
    const order = { shuffle: false, limit, seed: 0, pass: 0 };
    let rows = 0;
    for await (const record of manifest.rows({ ...order, columns })) {
      if (++rows > MAX_ROWS || this.#ids > MAX_IDS) {
        throw new UsageError(
          `${path}: a trace must have at most ${MAX_ROWS} rows and ${MAX_IDS} hash ids, as it is sorted in memory; 'limit' reads the first rows`,
        );
      }
      if ("row" in record) this.#add(record.line, record.row);
      else this.#skip(record.line, undefined, record.problem);
    }
  }

  /** The sessions in the order of their times. One without a time keeps its place after the row before it. */
  sorted(): TraceSession[] {
    return this.#sessions
      .sort((a, b) => a.sortMs - b.sortMs || 0)
      .map(({ session }) => session);
  }

  #add(line: number, row: Row): void {
    const { timestamp, session: name, delay } = this.#columns;
    const id = name === undefined ? undefined : row[name] ?? undefined;
    const isTimed = (row[timestamp!] ?? "") !== "";
    const before = id === undefined ? undefined : this.#byId.get(id);
    const continues = !isTimed && delay !== undefined &&
      (row[delay] ?? "") !== "" && before !== undefined;
    let startMs: number | undefined;
    try {
      if (continues) {
        before.turns.push(this.#turn(row, timeIn(row, delay, "ms")));
        return;
      }
      startMs = timeIn(row, timestamp!, this.#timeUnit);
      const session = { line, startMs, turns: [this.#turn(row)] };
      this.#put(session);
      if (id !== undefined) this.#byId.set(id, session);
    } catch (error) {
      if (continues) before.problem ??= messageOf(error);
      else this.#skip(line, startMs, messageOf(error));
    }
  }

  #skip(line: number, startMs: number | undefined, problem: string): void {
    this.#put({ line, startMs, turns: [], problem });
  }

  #put(session: TraceSession): void {
    this.#sortMs = session.startMs ?? this.#sortMs;
    this.#sessions.push({ session, sortMs: this.#sortMs });
  }

  #turn(row: Row, thinkMs?: number): TraceTurn {
    const { inputTokens: input, outputTokens: output } = this.#columns;
    const inputTokens = countIn(row, input);
    if (inputTokens === undefined) throw missing(input!, row);
    if (inputTokens > MAX_TOKENS) {
      throw refusal(
        `${JSON.stringify(input)}: must be at most ${MAX_TOKENS}`,
        inputTokens,
      );
    }
    // A request that was answered with nothing was read by the server all the same: no smaller answer can be asked for.
    const isEmpty = output !== undefined && Number(row[output] ?? NaN) === 0 &&
      row[output] !== "";
    return {
      index: this.requests++,
      inputTokens,
      outputTokens: isEmpty ? 1 : countIn(row, output),
      blocks: this.#blocksIn(row, inputTokens),
      ...(thinkMs !== undefined && { thinkMs }),
    };
  }

  #blocksIn(row: Row, inputTokens: number): number[] {
    const { hashIds } = this.#columns;
    const blockTokens = this.#blockTokens;
    if (hashIds === undefined || blockTokens === undefined) return [];
    const ids = asJson(row[hashIds]);
    if ((ids ?? "") === "") return [];
    const isId = (id: unknown) => ["number", "string"].includes(typeof id);
    const name = JSON.stringify(hashIds);
    if (!Array.isArray(ids) || !ids.every(isId)) {
      throw refusal(`${name}: must be a list of ids`, ids);
    }
    const whole = Math.floor(inputTokens / blockTokens);
    const all = Math.ceil(inputTokens / blockTokens);
    if (ids.length !== 0 && ids.length !== whole && ids.length !== all) {
      throw refusal(
        `${name}: must have ${all} ids for ${inputTokens} tokens in blocks of ${blockTokens}, which 'blockTokens' sets`,
        ids.length,
      );
    }
    this.#ids += ids.length;
    return ids.map((id) => {
      const number = this.#numbers.get(id) ?? this.#numbers.size;
      this.#numbers.set(id, number);
      return number;
    });
  }
}
