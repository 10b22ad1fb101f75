import { basename } from "node:path";
import { isRecord } from "../../lib/record.ts";
import type { Columns, Session, Turn } from "../../plugins/mod.ts";
import type { RecordResult, Row } from "../formats/manifest.ts";
import { madeSession } from "../speech.ts";
import { chatColumns, chatOf, type Turns, withImages } from "./chat.ts";
import { imageOf } from "./image.ts";
import type { ColumnNames } from "./names.ts";
import { type AudioContext, audioIn, chatAudio } from "./record_audio.ts";
import {
  countIn,
  missing,
  resultIn,
  textIn,
  textsIn,
  toolsIn,
} from "./values.ts";

/** Options for reading records. */
export interface RecordOptions extends AudioContext {
  readonly columns: ColumnNames;
  readonly turns: Turns;
  /** Whether the last answer of a chat that is sent as one request is its reference. */
  readonly isCompared: boolean;
}

/**
 * Returns a function that makes a session of each record. Sessions are named by the record's own id, otherwise by its
 * number; no two have the same name. A record that cannot be used becomes a session with a problem.
 *
 * @param place The file with the mark that separates it from a record's number.
 * @param column The column of the ids.
 */
export function sessionMaker(place: string, column: string | undefined) {
  const used = new Set<string>();
  const nameOf = (record: RecordResult) => {
    // An empty name is that of a column too, as of the index that pandas writes.
    const value = column !== undefined && "row" in record
      ? record.row[column]
      : undefined;
    if ((value ?? "") === "" || typeof value === "object") return undefined;
    const id = `${value}`;
    const name = used.has(id) ? `${id}${place.at(-1)}${record.line}` : id;
    used.add(name);
    return name;
  };
  return async (
    record: RecordResult,
    turns: (row: Row) => Promise<readonly Turn[]>,
  ): Promise<Session> => {
    const name = nameOf(record);
    const id = name ?? `${basename(place)}${record.line}`;
    const session = await madeSession(id, () => {
      if ("problem" in record) throw new Error(record.problem);
      return turns(record.row);
    });
    const { problem } = session;
    if (problem === undefined || name === undefined) return session;
    return { ...session, problem: `${place}${record.line}: ${problem}` };
  };
}

/** Makes the turns of a record: one, or those of its chat. */
export async function recordTurns(
  row: Row,
  options: RecordOptions,
): Promise<readonly Turn[]> {
  const { columns: names } = options;
  const columns = await columnsIn(row, options);
  const maxOutputTokens = countIn(row, names.outputTokens);
  const turns = names.messages === undefined
    ? [columns]
    : await chatIn(row, names.messages, columns, options);
  return turns.map((columns) => ({
    columns,
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
  }));
}

/** The columns of each turn of a record's chat, from its other columns. */
async function chatIn(
  row: Row,
  name: string,
  { images, ...columns }: Columns,
  options: RecordOptions,
): Promise<Columns[]> {
  const value = row[name] ?? undefined;
  if (value === undefined) throw missing(name, row);
  let taken = 0;
  const messages = await chatOf(value, {
    audio: (value) => chatAudio(value, options),
    image: (value) => imageOf(value, options),
    take: () => images?.[taken++],
  });
  const whole = withImages(messages, images?.slice(taken) ?? []);
  const { turns, isCompared } = options;
  return chatColumns(whole, turns, { columns, isCompared });
}

/** All columns of a record except its chat. */
async function columnsIn(
  row: Row,
  options: RecordOptions,
): Promise<Columns> {
  const { columns: names } = options;
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
    images: isEmpty(pictures)
      ? undefined
      : [pictures].flat().map((each) => imageOf(each, options)),
    ...(names.audio === undefined
      ? { reference }
      : await audioIn(row, names, reference, options)),
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
