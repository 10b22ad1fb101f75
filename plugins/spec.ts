import type { PluginConfig } from "../core/config.ts";
import { UsageError } from "../core/errors.ts";
import { redactSpec } from "../lib/redact.ts";

/** A value as it was written, or one item of a list. */
export interface SpecValue {
  /** The text, quotes and escapes resolved. */
  readonly text: string;
  /** Whether it was quoted: then it is never a number, `true` or `null`. */
  readonly quoted: boolean;
}

/** An option and its values. */
export interface SpecOption {
  /** Name of the option, with dots where it reaches into an object: `headers.Authorization`. */
  readonly key: string;
  /** One value, or the items of a list. */
  readonly values: readonly SpecValue[];
}

/** The parts of `NAME[=PRIMARY][,key=value…]`. */
export interface Spec {
  /** A built-in name, a file or a URL. */
  readonly name: string;
  /** Values of the primary option, which the plugin's definition names. */
  readonly primary?: readonly SpecValue[];
  /** The other options, in the order given. */
  readonly options: readonly SpecOption[];
}

/**
 * Parses `NAME[=PRIMARY][,key=value…]`, the grammar of every plugin on the command line.
 *
 * A value without `key=` extends the list before it: `concurrent=1,8,32`. In double quotes (with `\"` and `\\`) or
 * single quotes (without escapes) a name or a value may hold any character: `repeat="well, then=now"`. A URL with a
 * query or a hash extends to the next comma, including `=`: `https://x.org/p.ts?v=2#sha256=ab…,speed=1`. A pin of 64
 * digits ends the URL too: `https://x.org/p.ts#sha256=ab…=PRIMARY`.
 *
 * @throws {UsageError} If the text does not follow the grammar.
 */
export function parseSpec(text: string): Spec {
  const [{ key: name, value }, ...rest] = tokenize(text);
  if (name === undefined) throw invalid(text, "a name must come first");
  const primary = value && [value];
  const options: { key: string; values: SpecValue[] }[] = [];
  for (const { key, value } of rest) {
    if (key !== undefined) options.push({ key, values: [value!] });
    else {(options.at(-1)?.values ?? primary ?? stray(text, value!)).push(
        value!,
      );}
  }
  return { name, options, ...(primary && { primary }) };
}

/** Formats a spec so that {@linkcode parseSpec} reads the same. */
export function formatSpec({ name, primary, options }: Spec): string {
  const head = quoteIf(!isPlainName(name, primary !== undefined), name);
  const first = primary ? `${head}=${formatValues(primary)}` : head;
  const rest = options.map(({ key, values }) =>
    `${quoteIf(!isPlain(key), key)}=${formatValues(values)}`
  );
  return [first, ...rest].join(",");
}

/** `key=value`, or an item of a list alone; the first token is `NAME` or `NAME=VALUE`. */
interface Token {
  readonly key?: string;
  readonly value?: SpecValue;
}

const QUOTED = /^\s*("(?:[^"\\]|\\.)*"|'[^']*')\s*/s;

function tokenize(text: string): [Token, ...Token[]] {
  const tokens: Token[] = [];
  let rest = text;
  while (true) {
    const isName = tokens.length === 0;
    const [left, afterLeft] = take(text, rest, isName ? nameEnd : plainEnd);
    if (left.text === "" && !left.quoted) {
      throw invalid(
        text,
        isName
          ? "a name must come first"
          : `a value is missing beside a comma: see what follows value ${tokens.length}`,
      );
    }
    rest = afterLeft;
    if (rest.startsWith("=")) {
      const [value, afterValue] = take(text, rest.slice(1), valueEnd);
      tokens.push({ key: left.text, value });
      rest = afterValue;
    } else {
      tokens.push(isName ? { key: left.text } : { value: left });
    }
    if (rest === "") return tokens as [Token, ...Token[]];
    rest = rest.slice(1);
  }
}

/** Takes one quoted or plain value from the front of `rest`. */
function take(
  text: string,
  rest: string,
  end: (rest: string) => number,
): [SpecValue, string] {
  const isValue = end === valueEnd;
  const [all, quoted] = rest.match(QUOTED) ?? [];
  if (all === undefined) {
    if (/^\s*["']/.test(rest)) {
      throw invalid(text, `a quote must be closed: see ${rest.trim()}`);
    }
    const length = end(rest);
    return [
      { text: rest.slice(0, length).trim(), quoted: false },
      rest.slice(length),
    ];
  }
  const after = rest.slice(all.length);
  if (!(isValue ? /^(?:$|,)/ : /^(?:$|[,=])/).test(after)) {
    throw invalid(text, `a comma must follow ${quoted}: see ${after}`);
  }
  return [{ text: unquote(quoted!), quoted: true }, after];
}

function unquote(quoted: string): string {
  const inner = quoted.slice(1, -1);
  return quoted.startsWith("'") ? inner : inner.replace(/\\(.)/gs, "$1");
}

/** Finds the end of a name: of a URL with a query or a hash, which may hold `=`, after a whole pin or at the next comma. */
function nameEnd(rest: string): number {
  const isLongUrl = /^\s*(?:https?|file):[^,=]*[?#]/i.test(rest);
  if (!isLongUrl) return plainEnd(rest);
  const pinned = rest.match(PINNED_URL)?.[0];
  return pinned?.length ?? valueEnd(rest);
}

/** A URL with a complete pin, after which `=` begins a value. */
const PINNED_URL = /^[^,#]*#sha256=[0-9a-f]{64}(?=\s*(?:[,=]|$))/i;

function plainEnd(rest: string): number {
  const at = rest.search(/[,=]/);
  return at < 0 ? rest.length : at;
}

function valueEnd(rest: string): number {
  const at = rest.indexOf(",");
  return at < 0 ? rest.length : at;
}

function stray(text: string, { text: value }: SpecValue): never {
  throw invalid(
    text,
    `an option must be given as key=value: see "${value}", which extends no list`,
  );
}

function invalid(text: string, rule: string): UsageError {
  const shown = redactSpec(text);
  // A rule quotes a part of the text, which may belong to a secret if the text has one.
  const safe = shown === text ? rule : rule.replace(/: see .*$/s, "");
  return new UsageError(`${JSON.stringify(shown)}: ${safe}`);
}

function formatValues(values: readonly SpecValue[]): string {
  return values.map(({ text, quoted }, i) =>
    quoteIf(quoted || !isPlain(text, i === 0), text)
  ).join(",");
}

function quoteIf(needed: boolean, text: string): string {
  return needed ? `"${text.replace(/["\\]/g, "\\$&")}"` : text;
}

/** Whether a text needs no quotes. A first value may hold `=` and may be empty. */
function isPlain(text: string, isFirstValue = false): boolean {
  if (text.trim() !== text || /^["']|,/.test(text)) return false;
  return isFirstValue || (text !== "" && !text.includes("="));
}

function isPlainName(name: string, hasPrimary: boolean): boolean {
  return isPlain(name) && !(hasPrimary && nameEnd(`${name}=`) > name.length);
}

/** Formats a plugin and its options as a spec, with every option by its name: `poisson,rates=1,2`. */
export function formatPlugin({ use, with: options }: PluginConfig): string {
  return formatSpec({
    name: use,
    options: Object.entries(options).map(([key, value]) => ({
      key,
      values: [value].flat().map((each) => ({
        text: typeof each === "string" ? each : JSON.stringify(each),
        quoted: false,
      })),
    })),
  });
}
