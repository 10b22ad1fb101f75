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
  const reader = new SpecReader(text);
  const missingName = "a name must come first";
  const { text: name } = reader.read(nameEnd(text), missingName);
  const primary = reader.skip("=") ? [reader.read(VALUE)] : undefined;
  const options: { key: string; values: SpecValue[] }[] = [];
  let list = primary;
  for (let count = 1; reader.skip(","); count++) {
    const missing =
      `a value is missing beside a comma: see what follows value ${count}`;
    const left = reader.read(PLAIN, missing);
    if (reader.skip("=")) {
      list = [reader.read(VALUE)];
      options.push({ key: left.text, values: list });
    } else if (list) list.push(left);
    else {
      throw invalid(
        text,
        `an option must be given as key=value: see "${left.text}", which extends no list`,
      );
    }
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

/** A quoted text with the space around it. */
const QUOTED = /^\s*("(?:[^"\\]|\\.)*"|'[^']*')\s*/s;

/** A name or a key, up to a comma or an equals sign. */
const PLAIN = /^[^,=]*/;

/** A value, up to a comma. */
const VALUE = /^[^,]*/;

/** A URL with a complete pin, after which `=` begins a value. */
const PINNED_URL = /^[^,#]*#sha256=[0-9a-f]{64}\s*(?=[,=]|$)/i;

/** Returns the pattern of a name. A URL with a query or a hash, which may hold `=`, ends after a pin or at a comma. */
function nameEnd(text: string): RegExp {
  if (!/^\s*(?:https?|file):[^,=]*[?#]/i.test(text)) return PLAIN;
  return PINNED_URL.test(text) ? PINNED_URL : VALUE;
}

/** Reads a spec from its front. */
class SpecReader {
  readonly #text: string;
  #rest: string;

  constructor(text: string) {
    this.#text = text;
    this.#rest = text;
  }

  /** Skips a comma or an equals sign; returns false if something else follows. */
  skip(sign: "," | "="): boolean {
    const isNext = this.#rest.startsWith(sign);
    if (isNext) this.#rest = this.#rest.slice(1);
    return isNext;
  }

  /**
   * Reads a quoted text, or one that a pattern matches.
   *
   * @param missing Message about an empty text; without it, the text may be empty.
   */
  read(plain: RegExp, missing?: string): SpecValue {
    const [all, quoted] = QUOTED.exec(this.#rest) ?? plain.exec(this.#rest)!;
    if (quoted === undefined && /^\s*["']/.test(all)) {
      const at = this.#rest.trim();
      throw invalid(this.#text, `a quote must be closed: see ${at}`);
    }
    const text = quoted === undefined ? all.trim() : unquote(quoted);
    if (text === "" && quoted === undefined && missing !== undefined) {
      throw invalid(this.#text, missing);
    }
    this.#rest = this.#rest.slice(all.length);
    const isEnd = plain === VALUE ? /^(?:$|,)/ : /^(?:$|[,=])/;
    if (!isEnd.test(this.#rest)) {
      const at = this.#rest;
      throw invalid(this.#text, `a comma must follow ${quoted}: see ${at}`);
    }
    return { text, quoted: quoted !== undefined };
  }
}

function unquote(quoted: string): string {
  const inner = quoted.slice(1, -1);
  return quoted.startsWith("'") ? inner : inner.replace(/\\(.)/gs, "$1");
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
  const [found] = nameEnd(`${name}=`).exec(`${name}=`)!;
  return isPlain(name) && !(hasPrimary && found.length > name.length);
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
