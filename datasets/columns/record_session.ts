import { basename } from "node:path";
import { isRecord } from "../../lib/record.ts";
import type { Columns, Session, Turn } from "../../plugins/mod.ts";
import type { RecordResult, Row } from "../formats/manifest.ts";
import { madeSession } from "../speech.ts";
import { chatOf, type Turns, turnsOf, withImages } from "./chat.ts";
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

/** Options for reading records. */
export interface RecordOptions {
  readonly columns: ColumnNames;
  readonly turns: Turns;
  /** Whether the last answer of a chat that is sent as one request is its reference. */
  readonly isCompared: boolean;
  readonly audio: AudioOpener;
  readonly images: ImagesOptions;
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
  { columns: names, audio, images: imagesOptions }: RecordOptions,
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
