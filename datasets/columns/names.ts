import { didYouMean, nearest, quotedNames } from "../../lib/text.ts";
import { isRecord } from "../../lib/record.ts";
import { UsageError } from "../../plugins/mod.ts";
import { looksLikeAudio } from "./media.ts";
import { looksLikeChat } from "./chat.ts";
import { asJson } from "./values.ts";

/** The column for each role. An empty name leaves out a column that would be found by its name. */
export interface ColumnOptions {
  /** The prompt. @default {found by name if there is neither audio nor a chat} */
  text?: string;
  /** Several inputs of one request: a list of strings. @default {found by name} */
  texts?: string;
  /** The system message. @default {found by name} */
  system?: string;
  /** A chat: OpenAI messages or ShareGPT turns. @default {found by name} */
  messages?: string;
  /** The audio: a path, a URL, a data URI or base64. @default {found by name} */
  audio?: string;
  /** An image or a list of images: paths, URLs, data URIs or base64. @default {found by name} */
  images?: string;
  /** Functions that the model may call: a list of objects. @default {found by name} */
  tools?: string;
  /** The result of the tool calls in the previous answer. @default {found by name} */
  toolResult?: string;
  /** The transcript, or a perfect answer. Never sent. @default {found by name} */
  reference?: string;
  /** The answer used in the history of later turns instead of the server's. @default {none} */
  answer?: string;
  /** Number of tokens to generate. @default {found by name} */
  outputTokens?: string;
  /** The id of each item in samples and reports. @default {`id` or similar, else the line number} */
  id?: string;
  /** Start of the audio in its file, in seconds. @default {found by name} */
  start?: string;
  /** End of the audio in its file, in seconds. @default {found by name} */
  end?: string;
  /** Length of the audio, in seconds. @default {found by name} */
  duration?: string;
  /** When it was recorded, for the load `replay`: a number of `timeUnit`, or a date. @default {none} */
  timestamp?: string;
}

/** The role of a column. */
export type Role = keyof ColumnOptions;

/** The column for each role that has one. */
export type ColumnNames = Readonly<ColumnOptions>;

/** The columns of the data. */
export interface ColumnsFound {
  /** The name of the data, for errors. */
  readonly path: string;
  /** The names of the columns, in order. */
  readonly columns: readonly string[];
  /** Returns the first values of a column that are not empty; an empty list if they are not known. */
  valuesOf(column: string): readonly unknown[];
}

type GivenNames = Readonly<Partial<Record<Role, string | undefined>>>;

const split = (names: string) => names.split(" ");

const placed = (name: string) =>
  split("filepath file filename path url uri data base64")
    .map((place) => `${name}_${place}`);

const timed = (names: string) =>
  split(names).flatMap((name) =>
    ["", "_s", "_sec", "_seconds", "_ms"].map((unit) => name + unit)
  );

/** Names of columns by role, in lower case; the first that exists is used. */
export const NAMES: Readonly<Record<Role, readonly string[]>> = {
  audio: [
    ...split("audio sound voice speech wav mp3 flac opus ogg"),
    ...["audio", "wav"].flatMap(placed),
  ],
  images: [
    ...split("image picture photo img"),
    ...["image", "picture", "photo", "img"].flatMap(placed),
  ],
  messages: split(
    "messages chat_messages conversations conversation chat dialogue dialog turns",
  ),
  texts: split("texts inputs input sentences documents passages"),
  text: split(
    "prompt instruction question input context content conversation turn text",
  ),
  system: split("system_prompt system prefix"),
  tools: split("tools functions tool_definitions"),
  toolResult: split("tool_result tool_response tool_output"),
  // Not the recorded answer of another model: the same answer in other words is not an error.
  reference: split(
    "reference reference_text reference_transcript ground_truth transcript transcription normalized_text " +
      "normalised_text text sentence answer expected_answer expected_output target",
  ),
  // Only the user can say that an answer replaces the server's.
  answer: [],
  outputTokens: split(
    "output_tokens_count completion_tokens_count output_tokens completion_tokens max_output_tokens " +
      "max_completion_tokens max_new_tokens max_tokens output_len output_length",
  ),
  id: split(
    "id utterance_id utt_id utt uid key conversation_id question_id prompt_id",
  ),
  start: timed("offset start start_time begin begin_time"),
  end: timed("end end_time"),
  duration: timed("duration"),
  // Only the user can say that a time is that of a request.
  timestamp: [],
};

/** Names of places, not of contents: used for audio only if their values look like audio. */
const PLACE_NAMES = split(
  "path file filepath file_path filename file_name url",
);

/** The roles that can be sent. One of them is required. */
const SENT = ["audio", "messages", "texts", "text", "images"] as const;

/**
 * Assigns a role to each column. A transcript is never used as a prompt: if there is audio or a chat, only a column that
 * the user names as `text` is one.
 *
 * @throws {UsageError} If a named column does not exist, or there is nothing to send.
 */
export function nameColumns(
  found: ColumnsFound,
  given: GivenNames,
): ColumnNames {
  for (const [role, name] of Object.entries(given)) {
    if (name) requireColumn(found, role, name);
  }
  const { columns, valuesOf } = found;
  const taken = new Set(Object.values(given));
  const names: { [R in Role]?: string } = {};
  const assign = (role: Role, find: () => string | undefined) => {
    const own = given[role];
    const name = own || find();
    if (!name) return;
    // A column that is left out of one role has no other role: a prompt that is not sent is not a reference.
    taken.add(name);
    if (own !== "") names[role] = name;
  };
  const free = (fits: (value: unknown) => boolean = () => true) =>
    columns.filter((column) => {
      const values = valuesOf(column);
      return !taken.has(column) && (values.length === 0 || values.some(fits));
    });
  // Names alone do not show that a column has lists.
  const freeLists = (fits: (value: unknown) => boolean) =>
    free(fits).filter((column) => valuesOf(column).length > 0);
  assign("audio", () => findAudio(found, free(), Boolean(given.text)));
  assign("messages", () => find(freeLists(looksLikeChat), NAMES.messages));
  assign("images", () => find(free(isMedia), NAMES.images));
  assign("texts", () => find(freeLists(isTexts), NAMES.texts));
  const hasPrompt = names.audio ?? names.messages ?? names.texts;
  assign("text", () => hasPrompt ? undefined : find(free(isPlain), NAMES.text));
  // With named columns, another dataset may supply what is sent.
  const isNamed = Object.values(given).some((name) => name);
  if (!isNamed && SENT.every((role) => names[role] === undefined)) {
    throw nothingToSend(found);
  }
  assign("tools", () => find(free(isTools), NAMES.tools));
  assign("system", () => find(free(isPlain), NAMES.system));
  assign("toolResult", () => find(free(), NAMES.toolResult));
  assign("outputTokens", () => find(free(isCount), NAMES.outputTokens));
  assign("reference", () => find(free(isPlain), referenceNames(names)));
  assign("answer", () => undefined);
  assign("timestamp", () => undefined);
  assign("id", () => find(columns, NAMES.id));
  for (const role of ["start", "end", "duration"] as const) {
    assign(role, () => names.audio && find(free(isTime), NAMES[role]));
  }
  return names;
}

/** Without `text` beside a chat: it is the chat in one string, not the answer. */
function referenceNames({ messages }: ColumnNames): readonly string[] {
  return NAMES.reference.filter((name) => !messages || name !== "text");
}

const isPlain = (value: unknown) => typeof value !== "object";
const isMedia = (value: unknown) =>
  typeof value === "object" || typeof value === "string";
const isTime = (value: unknown) =>
  typeof value === "number" || typeof value === "string";
const isCount = (value: unknown) =>
  Number.isInteger(Number(value)) && value !== "";

function isTexts(value: unknown): boolean {
  const list = asJson(value);
  return Array.isArray(list) && list.length > 0 &&
    list.every((each) => typeof each === "string");
}

function isTools(value: unknown): boolean {
  const list = asJson(value);
  return Array.isArray(list) && list.every(isRecord);
}

/** Finds the audio column. Its name is enough, unless the user has named the prompt. */
function findAudio(
  { valuesOf }: ColumnsFound,
  columns: readonly string[],
  hasPrompt: boolean,
): string | undefined {
  const alike = columns.filter((name) => valuesOf(name).some(looksLikeAudio));
  return find(hasPrompt ? alike : columns, NAMES.audio) ??
    find(alike, PLACE_NAMES);
}

/** Finds the first name that a column has, first exactly, then in the plural or with a number, in any case. */
function find(
  columns: readonly string[],
  names: readonly string[],
): string | undefined {
  const match = (suffix: string) => {
    for (const name of names) {
      const pattern = new RegExp(`^${name}${suffix}$`, "i");
      const column = columns.find((column) => pattern.test(column));
      if (column !== undefined) return column;
    }
    return undefined;
  };
  return match("") ?? match("s?(_\\d+)?");
}

function requireColumn(
  { path, columns }: ColumnsFound,
  role: string,
  name: string,
): void {
  if (columns.includes(name)) return;
  throw new UsageError(
    `columns.${role}: unknown column ${JSON.stringify(name)} of ${path}${
      didYouMean(name, columns)
    }; there are: ${quotedNames(columns)}`,
  );
}

function nothingToSend(found: ColumnsFound): UsageError {
  const { path, columns } = found;
  const hint = hintOf(found);
  return new UsageError(
    `${path}: must have a column with audio (such as "audio" or "audio_filepath"), a prompt ` +
      `(such as "prompt" or "text"), a chat ("messages") or images ("image"), or one named by 'columns.audio', ` +
      `'columns.text' or similar, but its columns are ${quotedNames(columns)}${
        hint && `; ${hint}`
      }`,
  );
}

/** Describes the column that was probably meant: one with a right name and wrong values, else one with a similar name. */
function hintOf({ columns, valuesOf }: ColumnsFound): string {
  const known = SENT.flatMap((role) => NAMES[role]);
  const named = columns.find((column) => known.includes(column.toLowerCase()));
  if (named !== undefined) {
    const shown = JSON.stringify(valuesOf(named)[0]) ?? "empty";
    const short = shown.length > 60 ? `${shown.slice(0, 60)}…` : shown;
    return `the values of ${
      JSON.stringify(named)
    } cannot be sent: the first is ${short}`;
  }
  for (const column of columns) {
    const near = nearest(column.toLowerCase(), known);
    if (near) return `${JSON.stringify(column)} is similar to "${near}"`;
  }
  return "";
}
