import { basename } from "node:path";
import { z } from "zod";
import {
  type Dataset,
  type DatasetPlugin,
  defineDataset,
  type OpenContext,
  type Turn,
} from "../../plugins/mod.ts";
import { type TimeUnit, timeUnit } from "../columns/times.ts";
import { madeSession } from "../speech.ts";
import { characterWriter, openWriter } from "../synthetic/writer.ts";
import { TracePrompts } from "./prompts.ts";
import {
  FORMATS,
  readTrace,
  type Trace,
  type TraceColumns,
  type TraceFormat,
  type TraceSession,
} from "./rows.ts";

/** Options of {@linkcode trace}. */
export interface TraceOptions {
  /** Path of the file: JSON Lines, JSON, CSV or Parquet. */
  path: string;
  /** Format, which gives `timeUnit` and `blockTokens`. @default {guessed from the columns} */
  format?: TraceFormat;
  /** Unit of times that are numbers. @default {that of the format} */
  timeUnit?: TimeUnit;
  /** Tokens of the block that a hash id stands for. @default {that of the format} */
  blockTokens?: number;
  /** The columns of the trace. @default {found by their names} */
  columns?: TraceColumns;
  /** A `tokenizer.json`, or its folder, that makes lengths exact. @default {4 characters a token} */
  tokenizer?: string;
  /** Number of rows to read: the first ones of the file. @default {all} */
  limit?: number;
}

const column = (content: string) => z.string().optional().describe(content);

const schema = z.strictObject({
  path: z.string().min(1).meta({ format: "path" }).describe(
    "The file: JSON Lines, JSON, CSV or Parquet",
  ),
  format: z.enum(Object.keys(FORMATS) as [TraceFormat, ...TraceFormat[]])
    .optional().describe(
      "Format: mooncake (times in ms, blocks of 512 tokens), vllm (s, 16), weka (s, 64) or guidellm (s, no blocks) (default: guessed from the columns)",
    ),
  timeUnit: timeUnit.optional().describe(
    "Unit of times that are numbers (default: that of the format)",
  ),
  blockTokens: z.int().positive().max(1_000_000).optional().describe(
    "Tokens of the block that a hash id stands for (default: that of the format)",
  ),
  columns: z.strictObject({
    timestamp: column("When the request was sent: a number or a date"),
    inputTokens: column("Tokens of the prompt"),
    outputTokens: column("Tokens of the answer"),
    hashIds: column("Ids of the blocks of the prompt: a list"),
    session: column("Id of the session"),
    delay: column(
      "Pause before a row without a time, which continues its session, in milliseconds",
    ),
  }).default({}).describe(
    "Columns of the trace (default: found by their names); an empty name leaves one out",
  ),
  tokenizer: z.string().min(1).meta({ format: "path" }).optional().describe(
    "A tokenizer.json, or its folder, that makes lengths exact (default: 4 characters a token)",
  ),
  limit: z.int().positive().optional().describe(
    "Number of rows to read: the first ones of the file (default: all)",
  ),
});

/**
 * Recorded traffic without its texts: when each request came and how many tokens it had. Prompts of these lengths are
 * written from the run's seed; equal hash ids give equal text, so that prompt caches are used as they were. The load
 * `replay` sends the requests at their times.
 *
 * @example Usage
 * ```ts
 * import { replay, trace } from "@earshot/earshot";
 *
 * const dataset = trace({ path: "./conversation_trace.jsonl" });
 * const load = replay({ speed: 2 });
 * ```
 */
export const trace: DatasetPlugin<TraceOptions> = defineDataset({
  name: "trace",
  summary: "Recorded traffic: times and lengths, of Mooncake, vLLM or GuideLLM",
  primary: "path",
  options: schema,
  open,
});

type Options = z.output<typeof schema>;

async function open(
  options: Options,
  context: OpenContext,
): Promise<Dataset> {
  const { path, tokenizer } = options;
  const writer = tokenizer === undefined
    ? characterWriter
    : await openWriter(tokenizer);
  const read = await readTrace(path, options);
  warnOfUnit(read, options, context);
  const { format, timeUnit, blockTokens, columns, recordedMs } = read;
  return {
    facts: {
      ...{ path, format, timeUnit },
      ...(blockTokens !== undefined && { blockTokens }),
      ...(read.blocks > 0 && { sharesPrefixes: true }),
      ...{ columns, items: read.sessions.length, recordedMs },
      tokenCounter: tokenizer === undefined ? "characters" : "tokenizer",
    },
    async *sessions({ seed, pass, signal }) {
      const prompts = new TracePrompts(read, { writer, seed, pass, signal });
      for (const session of read.sessions) {
        const { startMs, problem } = session;
        // Each pass has its own prompts. What cannot be used is the same in each.
        const mark = pass > 0 && problem === undefined ? `/${pass + 1}` : "";
        const id = `${basename(path)}${read.mark}${session.line}${mark}`;
        const made = problem === undefined
          ? await madeSession(id, () => turnsOf(session, prompts))
          : { id, turns: [], problem };
        // A session that was cancelled is not a problem of the data.
        if (signal.aborted) return;
        yield startMs === undefined ? made : { ...made, startMs };
      }
    },
  };
}

async function turnsOf(
  { turns }: TraceSession,
  prompts: TracePrompts,
): Promise<readonly Turn[]> {
  const made: Turn[] = [];
  for (const turn of turns) {
    const { outputTokens, thinkMs } = turn;
    made.push({
      columns: { text: await prompts.write(turn) },
      ...(outputTokens !== undefined && { maxOutputTokens: outputTokens }),
      ...(thinkMs !== undefined && { thinkMs }),
    });
  }
  return made;
}

/** Whole numbers without hash ids may be seconds, as in GuideLLM's traces, or milliseconds, as in AIPerf's. */
function warnOfUnit(
  { format, timeUnit, recordedMs, sessions }: Trace,
  options: Options,
  { warn }: OpenContext,
): void {
  const isGiven = options.format !== undefined ||
    options.timeUnit !== undefined;
  if (isGiven || format !== "guidellm" || recordedMs === 0) return;
  const isWhole = sessions.every(({ startMs = 0 }) => startMs % 1000 === 0);
  if (!isWhole) return;
  warn(
    `trace: the times of ${options.path} were read as seconds, so that it is ${
      recordedMs / 1000
    } s long; timeUnit=${timeUnit} confirms that, timeUnit=ms reads milliseconds`,
  );
}
