import { type Problem, UsageError } from "../core/errors.ts";
import { isRecord } from "../lib/record.ts";
import { redactRule, redactUrl } from "../lib/redact.ts";
import { didYouMean, nearest } from "../lib/text.ts";
import { withoutUnit } from "./option_values.ts";
import {
  choicesOf,
  type Issue,
  type JsonSchema,
  resolveSchema,
  schemaAt,
} from "./schema.ts";

/** Formats the end of an "unknown name" message: the nearest name, if any is near, and all names. */
export function suggestion(
  name: string,
  candidates: readonly string[],
): string {
  const bare = new Map(candidates.map((each) => [withoutUnit(each), each]));
  const near = synonym(name, candidates) ?? nearest(name, candidates) ??
    bare.get(nearest(name, bare.keys()) ?? "");
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
  schema: JsonSchema = {},
): Problem[] {
  const hints = hintsOf(value, schema, [], schema);
  const others = issues
    .map((issue) => ({ keys: keysOf(issue), message: issue.message }))
    .filter((issue) => !hints.some((hint) => covers(hint, issue)))
    .map(({ keys, message }) => ({
      keys,
      message: isMissing(keys, value, schema)
        ? `must be given${example(schemaAt(keys, schema))}`
        : describe(message, valueAt(value, keys), schemaAt(keys, schema)),
    }));
  return [...hints, ...others].map(({ keys, message }) => ({
    path: keys.join("."),
    message: redactRule(message, keys),
  }));
}

/** A problem and the keys that lead to it. */
interface Found {
  readonly keys: readonly string[];
  readonly message: string;
}

/** Finds the problems for which a JSON Schema gives better messages than a validator. */
function hintsOf(
  value: unknown,
  part: unknown,
  keys: readonly string[],
  root: JsonSchema,
): Found[] {
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
    return [{ keys: path, message }];
  });
}

function choiceHints(
  value: unknown,
  choices: readonly unknown[],
  keys: readonly string[],
): Found[] {
  if (value === undefined || choices.includes(value)) return [];
  const texts = choices.map((choice) => JSON.stringify(choice));
  const listed = texts.length === 1 ? texts[0] : `one of ${texts.join(", ")}`;
  const meant = typeof value === "string"
    ? didYouMean(value, choices.map(String))
    : "";
  const message = `must be ${listed}, but was ${JSON.stringify(value)}${meant}`;
  return [{ keys, message }];
}

/** Whether a hint replaces an issue. Validators report an unknown key at the key itself or at its parent. */
function covers(hint: Found, { keys, message }: Found): boolean {
  const path = keys.join("\0");
  if (path === hint.keys.join("\0")) return true;
  return hint.message.startsWith("unknown option;") &&
    path === hint.keys.slice(0, -1).join("\0") &&
    message.includes(`"${hint.keys.at(-1)}"`);
}

/** Returns the rule that a value breaks, with the value if it is short and cannot be a secret. */
function describe(message: string, value: unknown, schema: JsonSchema): string {
  // The message of a plugin's author stays; a validator's own messages begin otherwise.
  const rule = /^(must|Cannot)\b/.test(message)
    ? message
    : brokenRule(value, schema) ?? typeRule(message) ?? message;
  const isPlain = ["number", "boolean", "string"].includes(typeof value);
  if (!isPlain || rule.includes(", but was ")) return rule;
  // Text in place of an object, such as headers or a body, may be a key.
  if (typeof value === "string" && rule === TYPES.object) return rule;
  const shown = JSON.stringify(
    typeof value === "string" ? redactUrl(value) : value,
  );
  return shown.length > 80 ? rule : `${rule}, but was ${shown}`;
}

/** The bounds of a number in JSON Schema: the rule of each, and whether a number breaks it. */
const BOUNDS: readonly (readonly [
  name: string,
  rule: string,
  isBroken: (found: number, bound: number) => boolean,
])[] = [
  ["minimum", "must be at least", (found, bound) => found < bound],
  ["exclusiveMinimum", "must be above", (found, bound) => found <= bound],
  ["maximum", "must be at most", (found, bound) => found > bound],
  ["exclusiveMaximum", "must be below", (found, bound) => found >= bound],
];

/** Describes the bound, the type or the length that a value breaks; undefined if the schema has none. */
function brokenRule(value: unknown, schema: JsonSchema): string | undefined {
  if (typeof value === "string") return lengthRule([...value].length, schema);
  if (typeof value !== "number") return undefined;
  if (schema.type === "integer" && !Number.isInteger(value)) return TYPES.int;
  for (const [name, rule, isBroken] of BOUNDS) {
    const bound = schema[name];
    if (typeof bound === "number" && isBroken(value, bound)) {
      return `${rule} ${bound}`;
    }
  }
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
  if (last === undefined || valueAt(value, keys) !== undefined) return false;
  const { required } = schemaAt(keys.slice(0, -1), root);
  return Array.isArray(required) && required.includes(last);
}

/** The first example in a schema, as it is given in a spec: `, such as 10,20`. */
function example({ examples }: JsonSchema): string {
  return Array.isArray(examples) && examples.length > 0
    ? `, such as ${String(examples[0])}`
    : "";
}

function valueAt(value: unknown, keys: readonly string[]): unknown {
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
