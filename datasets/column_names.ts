import { closest, distance } from "fastest-levenshtein";
import { UsageError } from "../plugins/mod.ts";

/** Which columns of a manifest hold what, named by the user. */
export interface ColumnOptions {
  /** The audio: a path, a URL, a data URI or base64. @default {found by name} */
  audio?: string;
  /** What is said in the audio, or what a perfect answer would be. Never sent. @default {found by name} */
  reference?: string;
  /** The prompt to send. @default {found by name where there is no audio; none where there is} */
  text?: string;
  /** What each item is called in samples and reports. @default {`id` or the like, else the line's number} */
  id?: string;
}

/** What a column may hold. */
type Role = "audio" | "reference" | "text" | "id" | "duration";

/** The column for each role that has one. */
export type ColumnNames = Readonly<Partial<Record<Role, string>>>;

/** What columns are called, by role; the first that is there counts. */
const NAMES: Readonly<Record<Role, readonly string[]>> = {
  audio: [
    "audio",
    "sound",
    "voice",
    "speech",
    "wav",
    "mp3",
    "flac",
    "opus",
    "ogg",
    ...["filepath", "file", "filename", "path", "url", "uri", "data", "base64"]
      .flatMap((what) => [`audio_${what}`, `wav_${what}`]),
  ],
  reference: [
    "reference",
    "reference_text",
    "reference_transcript",
    "ground_truth",
    "transcript",
    "transcription",
    "normalized_text",
    "normalised_text",
    "text",
    "sentence",
  ],
  text: [
    "prompt",
    "instruction",
    "question",
    "input",
    "context",
    "content",
    "conversation",
    "turn",
    "text",
  ],
  id: ["id", "utterance_id", "utt_id", "utt", "uid", "key"],
  duration: [
    "duration",
    "duration_s",
    "duration_sec",
    "duration_seconds",
    "duration_ms",
  ],
};

/** Names that say where something is, and not what: they count where the values look like audio. */
const WEAK_AUDIO_NAMES: readonly string[] = [
  "path",
  "file",
  "filepath",
  "file_path",
  "filename",
  "file_name",
  "url",
];

/** What is known of a manifest before its columns are named. */
export interface ColumnsFound {
  /** The manifest's name, for errors. */
  readonly path: string;
  /** Its columns, in order. */
  readonly columns: readonly string[];
  /** Whether the first values of a column look like audio: a file's name, a URL, a data URI. */
  looksLikeAudio(column: string): boolean;
}

/**
 * Finds out what each column holds. A transcript is never taken for a prompt: where there is audio,
 * only a column that is named as `text` by the user is one.
 *
 * @throws {UsageError} If a column that is named is not there, or neither audio nor a prompt is found.
 */
export function nameColumns(
  found: ColumnsFound,
  given: Readonly<Partial<Record<keyof ColumnOptions, string | undefined>>>,
): ColumnNames {
  for (const [role, name] of Object.entries(given)) {
    if (name !== undefined) requireColumn(found, role, name);
  }
  const pick = (role: Role) => find(found.columns, NAMES[role]);
  const audio = given.audio ?? findAudio(found, given.text !== undefined);
  const text = given.text ?? (audio === undefined ? pick("text") : undefined);
  if (audio === undefined && text === undefined) throw nothingToSend(found);
  const taken = [audio, text];
  const reference = given.reference ??
    find(
      found.columns.filter((name) => !taken.includes(name)),
      NAMES.reference,
    );
  const names = {
    audio,
    text,
    reference,
    id: given.id ?? pick("id"),
    duration: audio === undefined ? undefined : pick("duration"),
  };
  return Object.fromEntries(
    Object.entries(names).filter(([, name]) => name !== undefined),
  );
}

/** The audio column. Its name alone is enough, unless the user has said which column is the prompt. */
function findAudio(
  found: ColumnsFound,
  hasPrompt: boolean,
): string | undefined {
  const alike = found.columns.filter((name) => found.looksLikeAudio(name));
  return find(hasPrompt ? alike : found.columns, NAMES.audio) ??
    find(alike, WEAK_AUDIO_NAMES);
}

/** The first name that a column has, as it is, in the plural or with a number behind it, in any case. */
function find(
  columns: readonly string[],
  names: readonly string[],
): string | undefined {
  for (const name of names) {
    const exact = columns.find((column) => column.toLowerCase() === name);
    if (exact !== undefined) return exact;
  }
  for (const name of names) {
    const like = new RegExp(`^${name}s?(_\\d+)?$`, "i");
    const column = columns.find((column) => like.test(column));
    if (column !== undefined) return column;
  }
  return undefined;
}

function requireColumn(
  { path, columns }: ColumnsFound,
  role: string,
  name: string,
): void {
  if (columns.includes(name)) return;
  const near = nearest(name, columns);
  throw new UsageError(
    `Cannot read ${path} as 'columns.${role}' must name one of its columns (${
      list(columns)
    }): current value is ${JSON.stringify(name)}${
      near === undefined ? "" : `; did you mean ${JSON.stringify(near)}?`
    }`,
    { problems: [{ path: `columns.${role}`, message: `no column "${name}"` }] },
  );
}

function nothingToSend({ path, columns }: ColumnsFound): UsageError {
  const near = columns.map((column) => ({
    column,
    name: nearest(column.toLowerCase(), [...NAMES.audio, ...NAMES.text]),
  })).find(({ name }) => name !== undefined);
  const hint = near
    ? `; ${JSON.stringify(near.column)} is near to ${JSON.stringify(near.name)}`
    : "";
  return new UsageError(
    `Cannot read ${path} as it must have a column with audio (such as "audio" or "audio_filepath") or a prompt ` +
      `(such as "prompt" or "text"), or one named by 'columns.audio' or 'columns.text': its columns are ${
        list(columns)
      }${hint}`,
    { problems: [{ path: "columns", message: "no audio and no prompt" }] },
  );
}

function list(columns: readonly string[]): string {
  const shown = columns.slice(0, 20).map((name) => JSON.stringify(name));
  return shown.join(", ") + (columns.length > 20 ? ", …" : "");
}

/** The name that was probably meant. */
function nearest(
  name: string,
  names: readonly string[],
): string | undefined {
  if (names.length === 0) return undefined;
  const best = closest(name, [...names]);
  const far = Math.max(1, Math.floor(Math.max(name.length, best.length) / 2.5));
  return distance(name, best) <= far ? best : undefined;
}
