import { isRecord } from "../lib/record.ts";
import { nearest } from "../lib/text.ts";
import { isUsageError, type Problem, UsageError } from "../core/errors.ts";
import { redactRule, redactUrl } from "../lib/redact.ts";
import type { Issue, StandardSchemaV1 } from "./standard_schema.ts";

/** A JSON Schema, or a part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * Returns the JSON Schema of a plugin's options; undefined if its Standard Schema provides none or cannot be
 * converted. Parts that JSON Schema cannot express, such as custom types and dates of zod, accept any value in it.
 */
export function jsonSchemaOf(schema: StandardSchemaV1): JsonSchema | undefined {
  try {
    return schema["~standard"].jsonSchema?.input({
      target: "draft-2020-12",
      libraryOptions: { unrepresentable: "any" },
    });
  } catch {
    return undefined;
  }
}

/** Formats the end of an "unknown name" message: the nearest name, if any is near, and all names. */
export function suggestion(
  name: string,
  candidates: readonly string[],
): string {
  const near = synonym(name, candidates) ?? nearest(name, candidates);
  const all = candidates.length === 0
    ? "no name is known"
    : `there are: ${candidates.join(", ")}`;
  return near === undefined ? all : `did you mean "${near}"?; ${all}`;
}

/** Names of options in other tools and APIs, in lower case without separators, and their names here. */
const SYNONYMS: readonly (readonly [names: string, here: string])[] = [
  [
    "maxtokens maxnewtokens maxcompletiontokens maxgentokens outputlen numpredict",
    "maxOutputTokens outputTokens",
  ],
  ["prompttokens inputlen promptlen", "inputTokens"],
  ["outputlen completiontokens", "outputTokens"],
  ["url baseurl apibase host server endpoint address", "target"],
  ["modelname modelid", "model"],
  ["apikey key token bearer auth", "apiKeyEnv"],
  ["header extraheaders", "headers"],
  ["extrabody extra parameters params", "body"],
  ["timeout timeoutms requesttimeout", "requestTimeoutMs receiveTimeoutMs"],
  ["verify insecureskipverify skipverify verifyssl", "insecure"],
  ["streaming", "stream mode"],
  ["concurrency maxconcurrency connections users", "streams maxInFlight"],
  ["rate qps rps requestrate", "rates"],
  ["file filename output", "path"],
  ["count size numprompts numsamples maxsamples", "limit count"],
];

/** Fields of a request's body in most APIs: they are set through the option `body`. */
const BODY_FIELDS: ReadonlySet<string> = new Set(
  "temperature topp topk minp n seed stop stoptokenids presencepenalty frequencypenalty repetitionpenalty logprobs toplogprobs responseformat toolchoice chattemplatekwargs reasoningeffort language prompt user"
    .split(" "),
);

/** Finds the candidate that other tools call by another name. */
function synonym(
  name: string,
  candidates: readonly string[],
): string | undefined {
  const bare = name.toLowerCase().replace(/[-_ ]/g, "");
  const here = SYNONYMS.filter(([names]) => names.split(" ").includes(bare))
    .flatMap(([, names]) => names.split(" "));
  const found = here.find((each) => candidates.includes(each));
  if (found !== undefined) return found;
  return BODY_FIELDS.has(bare) && candidates.includes("body")
    ? `body.${name}`
    : undefined;
}

/**
 * Converts a validator's issues to problems that say what is valid. Unknown keys and values outside an enum get the
 * nearest name from the JSON Schema; a missing option is called missing.
 */
export function explain(
  issues: readonly Issue[],
  value: unknown,
  schema: JsonSchema | undefined,
): Problem[] {
  const hints = schema ? hintsOf(value, schema, [], schema) : [];
  const others = issues
    .map((issue) => ({ keys: keysOf(issue), message: issue.message }))
    .filter(({ keys, message }) =>
      !hints.some((hint) => covers(hint, keys, message))
    );
  const described = others.map(({ keys, message }) => ({
    path: keys.join("."),
    message: isMissing(keys, value, schema ?? {})
      ? "must be given"
      : redactRule(
        describe(
          isOurs(message)
            ? message
            : ruleAt(keys, value, schema) ?? typeRule(message) ?? message,
          keys,
          value,
        ),
        keys,
      ),
  }));
  return [
    ...hints.map(({ keys, message }) => ({
      path: keys.join("."),
      message: redactRule(message, keys),
    })),
    ...described,
  ];
}

/** Follows the references of a part of a schema. */
export function resolveSchema(part: unknown, root: JsonSchema): JsonSchema {
  let schema = part;
  for (let hops = 0; hops < 20 && isRecord(schema); hops++) {
    const { $ref } = schema;
    if (typeof $ref !== "string" || !$ref.startsWith("#")) return schema;
    schema = $ref.split("/").slice(1).reduce<unknown>(
      (at, key) => isRecord(at) ? at[unescapePointer(key)] : undefined,
      root,
    );
  }
  return isRecord(schema) ? schema : {};
}

/** The values that a schema lists as an enum, a const, or alternatives of these; undefined if it lists none. */
export function choicesOf(
  part: unknown,
  root: JsonSchema,
): readonly unknown[] | undefined {
  const schema = resolveSchema(part, root);
  if (Array.isArray(schema.enum)) return schema.enum;
  if ("const" in schema) return [schema.const];
  const alternatives = alternativesOf(schema);
  const choices = alternatives.map((each) => choicesOf(each, root));
  if (choices.length === 0 || choices.includes(undefined)) return undefined;
  return choices.flatMap((each) => each ?? []);
}

/** The parts of `anyOf` or `oneOf`. */
export function alternativesOf({ anyOf, oneOf }: JsonSchema): unknown[] {
  return [anyOf, oneOf].flatMap((list) => Array.isArray(list) ? list : []);
}

interface Hint {
  readonly keys: readonly string[];
  readonly message: string;
  /** A key that the schema does not know, and not a value. */
  readonly unknownKey: boolean;
}

function hintsOf(
  value: unknown,
  part: unknown,
  keys: readonly string[],
  root: JsonSchema,
): Hint[] {
  const schema = resolveSchema(part, root);
  const choices = choicesOf(schema, root);
  if (choices) return choiceHints(value, choices, keys);
  if (Array.isArray(value)) {
    return value.flatMap((item, i) =>
      hintsOf(item, schema.items, [...keys, String(i)], root)
    );
  }
  const { properties, additionalProperties } = schema;
  if (!isRecord(value) || !isRecord(properties)) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const path = [...keys, key];
    if (Object.hasOwn(properties, key)) {
      return hintsOf(item, properties[key], path, root);
    }
    if (additionalProperties !== false) return [];
    const message = `unknown option; ${
      suggestion(key, Object.keys(properties))
    }`;
    return [{ keys: path, message, unknownKey: true }];
  });
}

function choiceHints(
  value: unknown,
  choices: readonly unknown[],
  keys: readonly string[],
): Hint[] {
  if (value === undefined || choices.includes(value)) return [];
  const near = typeof value === "string"
    ? nearest(value, choices.map(String))
    : undefined;
  const meant = near === undefined ? "" : `; did you mean "${near}"?`;
  const message = `must be ${listed(choices)}, but was ${
    JSON.stringify(value)
  }${meant}`;
  return [{ keys, message, unknownKey: false }];
}

function listed(choices: readonly unknown[]): string {
  const texts = choices.map((choice) => JSON.stringify(choice));
  return texts.length === 1 ? texts[0]! : `one of ${texts.join(", ")}`;
}

/** Whether a hint replaces an issue. Validators report an unknown key at the key itself or at its parent. */
function covers(
  hint: Hint,
  keys: readonly string[],
  message: string,
): boolean {
  const path = keys.join("\0");
  if (path === hint.keys.join("\0")) return true;
  return hint.unknownKey && path === hint.keys.slice(0, -1).join("\0") &&
    message.includes(`"${hint.keys.at(-1)}"`);
}

/** Adds the value to a message if it is short and cannot be a secret. */
function describe(
  message: string,
  keys: readonly string[],
  value: unknown,
): string {
  const found = at(value, keys);
  const isPlain = ["number", "boolean", "string"].includes(typeof found);
  if (!isPlain || message.includes(", but was ")) return message;
  // Text in place of an object, such as headers or a body, may be a key.
  if (typeof found === "string" && message === TYPES.object) return message;
  const shown = JSON.stringify(
    typeof found === "string" ? redactUrl(found) : found,
  );
  return shown.length > 80 ? message : `${message}, but was ${shown}`;
}

/** Whether a plugin's author wrote the message; a validator's own messages begin otherwise. */
function isOurs(message: string): boolean {
  return /^(must|Cannot)\b/.test(message);
}

/** Describes the bound, the type or the length that a value breaks; undefined if the schema has none. */
function ruleAt(
  keys: readonly string[],
  value: unknown,
  root: JsonSchema = {},
): string | undefined {
  const found = at(value, keys);
  const schema = schemaAt(keys, root);
  if (typeof found === "string") return lengthRule([...found].length, schema);
  if (typeof found !== "number") return undefined;
  const { type, minimum, exclusiveMinimum, maximum, exclusiveMaximum } = schema;
  const breaks = (bound: unknown, isBroken: (bound: number) => boolean) =>
    typeof bound === "number" && isBroken(bound);
  if (type === "integer" && !Number.isInteger(found)) {
    return "must be a whole number";
  }
  if (breaks(minimum, (least) => found < least)) {
    return `must be at least ${minimum}`;
  }
  if (breaks(exclusiveMinimum, (low) => found <= low)) {
    return `must be above ${exclusiveMinimum}`;
  }
  if (breaks(maximum, (most) => found > most)) {
    return `must be at most ${maximum}`;
  }
  if (breaks(exclusiveMaximum, (high) => found >= high)) {
    return `must be below ${exclusiveMaximum}`;
  }
  return undefined;
}

/** Words zod's message about a wrong type as a rule. */
function typeRule(message: string): string | undefined {
  const [, type = ""] =
    /^Invalid input: expected (\w+), received/.exec(message) ?? [];
  return TYPES[type];
}

const TYPES: Readonly<Record<string, string>> = {
  string: "must be text",
  number: "must be a number",
  int: "must be a whole number",
  boolean: "must be true or false",
  object: "must be an object",
  record: "must be an object",
  array: "must be a list",
};

function lengthRule(
  length: number,
  { minLength, maxLength }: JsonSchema,
): string | undefined {
  if (typeof minLength === "number" && length < minLength) {
    return minLength === 1
      ? "must not be empty"
      : `must have at least ${minLength} characters`;
  }
  if (typeof maxLength === "number" && length > maxLength) {
    const unit = maxLength === 1 ? "character" : "characters";
    return `must have at most ${maxLength} ${unit}`;
  }
  return undefined;
}

/** Whether a required option is missing. */
function isMissing(
  keys: readonly string[],
  value: unknown,
  root: JsonSchema,
): boolean {
  const last = keys.at(-1);
  if (last === undefined || at(value, keys) !== undefined) return false;
  const { required } = schemaAt(keys.slice(0, -1), root);
  return Array.isArray(required) && required.includes(last);
}

/** The part of a schema for the value at these keys. */
export function schemaAt(
  keys: readonly string[],
  root: JsonSchema,
): JsonSchema {
  return keys.reduce<JsonSchema>((part, key) => {
    const { properties, items } = resolveSchema(part, root);
    return resolveSchema(isRecord(properties) ? properties[key] : items, root);
  }, root);
}

function at(value: unknown, keys: readonly string[]): unknown {
  return keys.reduce<unknown>(
    (part, key) =>
      typeof part === "object" && part !== null
        ? Reflect.get(part, key)
        : undefined,
    value,
  );
}

function keysOf({ path = [] }: Issue): string[] {
  return path.map((part) => String(typeof part === "object" ? part.key : part));
}

function unescapePointer(key: string): string {
  return decodeURIComponent(key).replaceAll("~1", "/").replaceAll("~0", "~");
}

/** Formats one problem: `chunkMs must be between 10 and 1000, but was 5`. */
export function problemLine({ path, message }: Problem): string {
  if (!path) return message;
  if (message.startsWith("unknown option;")) {
    return message.replace("unknown option", `unknown option "${path}"`);
  }
  return /^(must|takes|has|needs) /.test(message)
    ? `${path} ${message}`
    : `${path}: ${message}`;
}

/**
 * Makes one error of all problems of a plugin or a file.
 *
 * @param where The plugin or the file that has them: `realtime`, `bench.yaml`.
 */
export function problemsError(
  where: string,
  problems: readonly Problem[],
): UsageError {
  const lines = problems.map(problemLine);
  if (where === "") return new UsageError(lines.join("\n"), { problems });
  const text = lines.length === 1
    ? ` ${lines[0]}`
    : lines.map((line) => `\n  ${line}`).join("");
  return new UsageError(`${where}:${text}`, { problems });
}

/** Results of tasks by name. */
type Results<Tasks> = {
  [Name in keyof Tasks]: Tasks[Name] extends () => infer Result
    ? Awaited<Result>
    : never;
};

/**
 * Runs every task even if some fail, so that all mistakes of the user are reported at once.
 *
 * @throws {UsageError} The one that was thrown, or one that joins the messages of all.
 */
export async function collectProblems<
  Tasks extends Readonly<Record<string, () => unknown>>,
>(tasks: Tasks): Promise<Results<Tasks>> {
  const results: Record<string, unknown> = {};
  const errors: UsageError[] = [];
  for (const [name, task] of Object.entries(tasks)) {
    try {
      results[name] = await task();
    } catch (error) {
      if (!isUsageError(error)) throw error;
      errors.push(error);
    }
  }
  if (errors.length > 0) throw joinErrors(errors);
  return results as Results<Tasks>;
}

/** Makes one error of several, those that they were joined from included. */
export function joinErrors(errors: readonly UsageError[]): UsageError {
  if (errors.length === 1) return errors[0]!;
  const each = errors.flatMap((error): readonly UsageError[] =>
    Array.isArray(error.cause) ? error.cause : [error]
  );
  const problems = each.flatMap((error): readonly Problem[] =>
    error.problems.length > 0 ? error.problems : [error]
  );
  const lines = each.map(({ message }) =>
    `\n  ${message.replaceAll("\n", "\n  ")}`
  );
  return new UsageError(`${each.length} problems:${lines.join("")}`, {
    problems,
    cause: each,
  });
}
