import { looksLikeAudio } from "./audio.ts";
import { looksLikeChat } from "./chat.ts";
import { nothingToSend, requireColumn } from "./errors.ts";
import { NAMES, type Role, SENT, WEAK_AUDIO_NAMES } from "./roles.ts";
import { asJson } from "./media.ts";
import { isRecord } from "../../lib/record.ts";

/** Which columns of the data hold what, named by the user; one that is named empty is left out. */
export interface ColumnOptions {
  /** The prompt to send. @default {found by name where there is neither audio nor a chat} */
  text?: string;
  /** Several inputs of one request: a list of strings. @default {found by name} */
  texts?: string;
  /** What the model is told ahead of everything else. @default {found by name} */
  system?: string;
  /** A chat: OpenAI's messages, or ShareGPT's turns. @default {found by name} */
  messages?: string;
  /** The audio: a path, a URL, a data URI or base64. @default {found by name} */
  audio?: string;
  /** A picture, or a list of them: paths, URLs, data URIs or base64. @default {found by name} */
  images?: string;
  /** Functions that the model may call: a list of objects. @default {found by name} */
  tools?: string;
  /** What the calls of the answer before are answered with. @default {found by name} */
  toolResult?: string;
  /** What is said in the audio, or what a perfect answer would be. Never sent. @default {found by name} */
  reference?: string;
  /** The answer that stands in the history of later turns in place of the server's. @default {none} */
  answer?: string;
  /** How many tokens are to be generated. @default {found by name} */
  outputTokens?: string;
  /** What each item is called in samples and reports. @default {`id` or the like, else the line's number} */
  id?: string;
  /** Where in its file the audio begins, in seconds. @default {found by name} */
  start?: string;
  /** Where in its file the audio ends, in seconds. @default {found by name} */
  end?: string;
  /** How long the audio is, in seconds. @default {found by name} */
  duration?: string;
}

/** The column for each role that has one. */
export type ColumnNames = Readonly<Partial<Record<Role, string>>>;

/** What is known of the data before its columns are named. */
export interface ColumnsFound {
  /** Its name, for errors. */
  readonly path: string;
  /** Its columns, in order. */
  readonly columns: readonly string[];
  /** The first values of a column that are any; none, where they are not known. */
  valuesOf(column: string): readonly unknown[];
}

type Given = Readonly<Partial<Record<keyof ColumnOptions, string | undefined>>>;

/**
 * Finds out what each column holds. A transcript is never taken for a prompt: where there is audio or a chat,
 * only a column that is named as `text` by the user is one.
 *
 * @throws {UsageError} If a column that is named is not there, or there is nothing to send.
 */
export function nameColumns(found: ColumnsFound, given: Given): ColumnNames {
  for (const [role, name] of Object.entries(given)) {
    if (name !== undefined && name !== "") requireColumn(found, role, name);
  }
  const taken = new Set(Object.values(given));
  const names: Partial<Record<Role, string>> = {};
  const put = (role: Role, find: () => string | undefined) => {
    const own = given[role];
    const name = own || find();
    if (!name) return;
    // What is left out in one role is none in another: a prompt that is not sent is no reference.
    taken.add(name);
    if (own !== "") names[role] = name;
  };
  const free = (fits: (value: unknown) => boolean = () => true) =>
    found.columns.filter((column) =>
      !taken.has(column) && mayHold(found.valuesOf(column), fits)
    );
  put("audio", () => findAudio(found, free(), Boolean(given.text)));
  put(
    "messages",
    () => find(listsOf(found, free(looksLikeChat)), NAMES.messages),
  );
  put("images", () => find(free(isMedia), NAMES.images));
  put("texts", () => find(listsOf(found, free(isTexts)), NAMES.texts));
  const hasPrompt = names.audio ?? names.messages ?? names.texts;
  put("text", () => hasPrompt ? undefined : find(free(isPlain), NAMES.text));
  // What another dataset sends may be what goes with columns that the user names.
  const isNamed = Object.values(given).some((name) => name);
  if (!isNamed && SENT.every((role) => names[role] === undefined)) {
    throw nothingToSend(found);
  }
  put("tools", () => find(free(isTools), NAMES.tools));
  put("system", () => find(free(isPlain), NAMES.system));
  put("toolResult", () => find(free(), NAMES.toolResult));
  put("outputTokens", () => find(free(isCount), NAMES.outputTokens));
  put("reference", () => find(free(isPlain), referencesOf(names)));
  put("answer", () => undefined);
  put("id", () => find(found.columns, NAMES.id));
  for (const role of ["start", "end", "duration"] as const) {
    put(role, () => names.audio && find(free(isTime), NAMES[role]));
  }
  return names;
}

/** A chat's text is what its messages were made into; it says nothing of the answer. */
function referencesOf({ messages }: ColumnNames): readonly string[] {
  return messages === undefined
    ? NAMES.reference
    : NAMES.reference.filter((name) => name !== "text");
}

/** Values that are known must look like it, or one of them. */
function mayHold(
  values: readonly unknown[],
  fits: (value: unknown) => boolean,
): boolean {
  return values.length === 0 || values.some(fits);
}

/** Columns whose values are known to be lists of texts: of a name alone nobody can tell. */
function listsOf(
  { valuesOf }: ColumnsFound,
  columns: readonly string[],
): readonly string[] {
  return columns.filter((column) => valuesOf(column).length > 0);
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

/** The audio column. Its name alone is enough, unless the user has said which column is the prompt. */
function findAudio(
  { valuesOf }: ColumnsFound,
  columns: readonly string[],
  hasPrompt: boolean,
): string | undefined {
  const alike = columns.filter((name) => valuesOf(name).some(looksLikeAudio));
  return find(hasPrompt ? alike : columns, NAMES.audio) ??
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
