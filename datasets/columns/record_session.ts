import type { Columns, Session, Turn } from "../../plugins/mod.ts";
import { withImages } from "./chat_images.ts";
import { chatOf } from "./chat.ts";
import { type Turns, turnsOf } from "./chat_turns.ts";
import type { ColumnNames } from "./names.ts";
import { imageOf, imagesOf, type ImagesOptions } from "./image.ts";
import { audioIn, chatAudio, type Speech } from "./record_audio.ts";
import { isRecord } from "../../lib/record.ts";
import type { Met } from "../formats/manifest.ts";
import type { Row } from "../formats/manifest_format.ts";
import { placedProblem } from "../namer.ts";
import {
  countIn,
  missing,
  resultIn,
  textIn,
  textsIn,
  toolsIn,
} from "./values.ts";
import { madeSession } from "../speech.ts";

/** What records are made into sessions with. */
export interface ItemsOptions {
  /** The file with the mark that stands before a record's number, for errors. */
  readonly place: string;
  readonly columns: ColumnNames;
  readonly turns: Turns;
  /** Whether a chat that is sent as one request is compared with its last answer. */
  readonly isCompared: boolean;
  readonly maxSeconds: number | undefined;
  readonly speech: Speech;
  readonly images: ImagesOptions;
}

/** Makes a session of a record. What cannot be used becomes its problem, with where it stands. */
export async function sessionOf(
  met: Met,
  id: string,
  options: ItemsOptions,
): Promise<Session> {
  const session = await madeSession(id, () => {
    if ("problem" in met) throw new Error(met.problem);
    return turnsIn(met.row, options);
  });
  const { problem } = session;
  if (problem === undefined) return session;
  const { place } = options;
  const { line } = met;
  return { ...session, problem: placedProblem(problem, place, { line, id }) };
}

/** What a record calls itself, if it does. */
export function idIn(met: Met, { id }: ColumnNames): string | undefined {
  const value = "row" in met && id !== undefined ? met.row[id] : undefined;
  return value === "" || typeof value === "object" || value === undefined
    ? undefined
    : String(value);
}

async function turnsIn(
  row: Row,
  options: ItemsOptions,
): Promise<readonly Turn[]> {
  const { columns: names, turns } = options;
  const columns = await columnsIn(row, options);
  const maxOutputTokens = countIn(row, names.outputTokens);
  if (names.messages === undefined) {
    return [{
      columns,
      ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    }];
  }
  const value = row[names.messages] ?? undefined;
  if (value === undefined) throw missing(names.messages, row);
  const { images, ...others } = columns;
  let taken = 0;
  const messages = await chatOf(value, {
    audio: (value) => chatAudio(value, options.speech, options.maxSeconds),
    image: (value) => imageOf(value, options.images),
    take: () => images?.[taken++],
  });
  const whole = withImages(messages, images?.slice(taken) ?? []);
  return turnsOf(whole, turns, {
    columns: others,
    maxOutputTokens,
    isCompared: options.isCompared,
  });
}

/** All that a record holds but its chat. */
async function columnsIn(row: Row, options: ItemsOptions): Promise<Columns> {
  const { columns: names, speech, maxSeconds } = options;
  const { audio, images, text, texts } = names;
  for (const name of [text, texts]) {
    if (name !== undefined && (row[name] ?? null) === null) {
      throw missing(name, row);
    }
  }
  const reference = textIn(row, names.reference);
  const pictures = images === undefined ? undefined : row[images];
  return defined({
    text: textIn(row, text),
    texts: textsIn(row, texts),
    system: textIn(row, names.system),
    tools: toolsIn(row, names.tools),
    toolResult: resultIn(row, names.toolResult),
    answer: textIn(row, names.answer),
    images: isNothing(pictures)
      ? undefined
      : imagesOf(pictures, options.images),
    ...(audio === undefined ? { reference } : await audioIn(row, {
      ...speech,
      columns: names,
      maxSeconds,
      reference,
    })),
  });
}

/** Whether a value of media holds none, as a row of Hugging Face's without any: `{ bytes: null, path: null }`. */
function isNothing(value: unknown): boolean {
  if ((value ?? "") === "") return true;
  const values = isRecord(value) ? Object.values(value) : [];
  return values.length > 0 && values.every((each) => each === null);
}

/** Columns without those that hold nothing. */
function defined(columns: Readonly<Record<string, unknown>>): Columns {
  return Object.fromEntries(
    Object.entries(columns).filter(([, value]) => value !== undefined),
  );
}
