import { basename } from "node:path";
import { isRecord } from "../../lib/record.ts";
import type { Columns, Session, Turn } from "../../plugins/mod.ts";
import type { RecordResult, Row } from "../formats/manifest.ts";
import { madeSession } from "../speech.ts";
import { chatOf, withImages } from "./chat.ts";
import { type Turns, turnsOf } from "./chat_turns.ts";
import { imageOf, imagesOf, type ImagesOptions } from "./image.ts";
import type { ColumnNames } from "./names.ts";
import { audioIn, type AudioOpener, chatAudio } from "./record_audio.ts";
import {
  countIn,
  missing,
  resultIn,
  textIn,
  textsIn,
  toolsIn,
} from "./values.ts";

/** Options for making sessions of records. */
export interface RecordSessionOptions {
  /** The file with the mark that separates it from a record's number, for errors. */
  readonly place: string;
  readonly columns: ColumnNames;
  readonly turns: Turns;
  /** Whether the last answer of a chat that is sent as one request is its reference. */
  readonly isCompared: boolean;
  readonly audio: AudioOpener;
  readonly images: ImagesOptions;
}

/** Makes a session of a record. A record that cannot be used becomes a session with a problem. */
export async function recordSession(
  record: RecordResult,
  id: string,
  options: RecordSessionOptions,
): Promise<Session> {
  const session = await madeSession(id, () => {
    if ("problem" in record) throw new Error(record.problem);
    return turnsIn(record.row, options);
  });
  const { problem } = session;
  if (problem === undefined) return session;
  const { line } = record;
  const placed = placedProblem(problem, options.place, { line, id });
  return { ...session, problem: placed };
}

/**
 * Returns a function that names records: by their own id, otherwise by their number. No two get the same name.
 *
 * @param place The file with the mark that separates it from a record's number.
 * @param column The column of the ids.
 */
export function recordNames(
  place: string,
  column: string | undefined,
): (record: RecordResult) => string {
  const used = new Set<string>();
  const mark = place.at(-1);
  return (record) => {
    const { line } = record;
    const value = "row" in record && column !== undefined
      ? record.row[column]
      : undefined;
    const hasId = value !== "" && value !== undefined &&
      typeof value !== "object";
    if (!hasId) return `${basename(place)}${line}`;
    const id = used.has(String(value)) ? `${value}${mark}${line}` : `${value}`;
    used.add(id);
    return id;
  };
}

/** A record's problem, with the record's place unless its id is the place. */
export function placedProblem(
  problem: string,
  place: string,
  { line, id }: { readonly line: number; readonly id: string },
): string {
  const isPlace = id === `${basename(place)}${line}`;
  return isPlace ? problem : `${place}${line}: ${problem}`;
}

async function turnsIn(
  row: Row,
  options: RecordSessionOptions,
): Promise<readonly Turn[]> {
  const { columns: names, turns, isCompared, audio } = options;
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
    audio: (value) => chatAudio(value, audio),
    image: (value) => imageOf(value, options.images),
    take: () => images?.[taken++],
  });
  const whole = withImages(messages, images?.slice(taken) ?? []);
  return turnsOf(whole, turns, {
    columns: others,
    maxOutputTokens,
    isCompared,
  });
}

/** All columns of a record except its chat. */
async function columnsIn(
  row: Row,
  { columns: names, audio, images: imagesOptions }: RecordSessionOptions,
): Promise<Columns> {
  const { images, text, texts } = names;
  for (const name of [text, texts]) {
    if (name !== undefined && (row[name] ?? null) === null) {
      throw missing(name, row);
    }
  }
  const reference = textIn(row, names.reference);
  const pictures = images === undefined ? undefined : row[images];
  const columns = {
    text: textIn(row, text),
    texts: textsIn(row, texts),
    system: textIn(row, names.system),
    tools: toolsIn(row, names.tools),
    toolResult: resultIn(row, names.toolResult),
    answer: textIn(row, names.answer),
    images: isEmpty(pictures) ? undefined : imagesOf(pictures, imagesOptions),
    ...(names.audio === undefined
      ? { reference }
      : await audioIn(row, names, reference, audio)),
  };
  return Object.fromEntries(
    Object.entries(columns).filter(([, value]) => value !== undefined),
  );
}

/** Whether a value has no media, as `{ bytes: null, path: null }` in Hugging Face's files. */
function isEmpty(value: unknown): boolean {
  if ((value ?? "") === "") return true;
  const values = isRecord(value) ? Object.values(value) : [];
  return values.length > 0 && values.every((each) => each === null);
}
