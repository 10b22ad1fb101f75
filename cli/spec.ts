import { UsageError } from "../plugins/mod.ts";
import { redactSpec } from "../lib/redact.ts";

export { coerceSpec } from "./spec_options.ts";

/** A piece of a value as it was written. */
export interface Piece {
  /** What stands there, quotes and escapes resolved. */
  readonly text: string;
  /** Whether it was quoted, and so is no number, no `true` and no `null`. */
  readonly quoted: boolean;
}

/** One option with all that was given for it. */
export interface Pair {
  /** Its name, with dots where it reaches into an object: `headers.Authorization`. */
  readonly key: string;
  /** One piece, or several of a list. */
  readonly pieces: readonly Piece[];
}

/** `NAME[=PRIMARY][,key=value…]`, taken apart. */
export interface Spec {
  /** A built-in name, a file or a URL. */
  readonly name: string;
  /** What was given for the option that the plugin's definition names. */
  readonly primary?: readonly Piece[];
  /** The other options, in the order given. */
  readonly pairs: readonly Pair[];
}

/**
 * Takes apart `NAME[=PRIMARY][,key=value…]`, the grammar of every plugin and load on the command line.
 *
 * A piece without `=` extends the list before it: `concurrent=1,8,32`. In double quotes (with `\"` and `\\`) or
 * single ones (with no escapes) a name or a value may hold anything: `repeat="well, then=now"`. A URL with a query
 * or a hash goes on to the next comma, `=` and all: `https://x.org/p.ts?v=2#sha256=ab…,speed=1`. A pin of 64 digits
 * ends it too: `https://x.org/p.ts#sha256=ab…=PRIMARY`.
 *
 * @throws {UsageError} If it cannot be read.
 */
export function parseSpec(text: string): Spec {
  const tokens = tokenize(text);
  const [first, ...rest] = tokens;
  const { key: name, piece } = first!;
  if (name === undefined) throw refused(text, "it must begin with a name");
  const primary = piece && [piece];
  const pairs: { key: string; pieces: Piece[] }[] = [];
  for (const { key, piece } of rest) {
    if (key !== undefined) pairs.push({ key, pieces: [piece!] });
    else (pairs.at(-1)?.pieces ?? primary ?? stray(text, piece!)).push(piece!);
  }
  return { name, pairs, ...(primary && { primary }) };
}

/** Writes a spec so that {@linkcode parseSpec} reads the same. */
export function formatSpec({ name, primary, pairs }: Spec): string {
  const head = quoteIf(!isPlainName(name, primary !== undefined), name);
  const first = primary ? `${head}=${formatPieces(primary)}` : head;
  const rest = pairs.map(({ key, pieces }) =>
    `${quoteIf(!isPlain(key), key)}=${formatPieces(pieces)}`
  );
  return [first, ...rest].join(",");
}

/** `key=piece`, or a piece of a list alone; the first token is `NAME` or `NAME=PIECE`. */
interface Token {
  readonly key?: string;
  readonly piece?: Piece;
}

const QUOTED = /^\s*("(?:[^"\\]|\\.)*"|'[^']*')\s*/s;

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let rest = text;
  while (true) {
    const isName = tokens.length === 0;
    const [left, afterLeft] = take(text, rest, isName ? nameEnd : plainEnd);
    if (left.text === "" && !left.quoted) {
      throw refused(text, isName ? "a name must be given" : emptyPiece(tokens));
    }
    rest = afterLeft;
    if (rest.startsWith("=")) {
      const [piece, afterPiece] = take(text, rest.slice(1), valueEnd);
      tokens.push({ key: left.text, piece });
      rest = afterPiece;
    } else {
      tokens.push(isName ? { key: left.text } : { piece: left });
    }
    if (rest === "") return tokens;
    rest = rest.slice(1);
  }
}

/** Takes one quoted or plain piece off the front of `rest`. */
function take(
  text: string,
  rest: string,
  end: (rest: string) => number,
): [Piece, string] {
  const isValue = end === valueEnd;
  const [all, quoted] = rest.match(QUOTED) ?? [];
  if (all === undefined) {
    if (/^\s*["']/.test(rest)) {
      throw refused(text, `a quote must be closed: see ${rest.trim()}`);
    }
    const length = end(rest);
    return [
      { text: rest.slice(0, length).trim(), quoted: false },
      rest.slice(length),
    ];
  }
  const after = rest.slice(all.length);
  if (!(isValue ? /^(?:$|,)/ : /^(?:$|[,=])/).test(after)) {
    throw refused(text, `a comma must follow ${quoted}: see ${after}`);
  }
  return [{ text: unquote(quoted!), quoted: true }, after];
}

function unquote(quoted: string): string {
  const inner = quoted.slice(1, -1);
  return quoted.startsWith("'") ? inner : inner.replace(/\\(.)/gs, "$1");
}

/** A URL with a query or a hash may hold `=`: its name ends behind a whole pin, else at the next comma. */
function nameEnd(rest: string): number {
  const isLongUrl = /^\s*(?:https?|file):[^,=]*[?#]/i.test(rest);
  if (!isLongUrl) return plainEnd(rest);
  const pinned = rest.match(PINNED_URL)?.[0];
  return pinned?.length ?? valueEnd(rest);
}

/** Up to a pin with all its digits, behind which `=` begins a value. */
const PINNED_URL = /^[^,#]*#sha256=[0-9a-f]{64}(?=\s*(?:[,=]|$))/i;

function plainEnd(rest: string): number {
  const at = rest.search(/[,=]/);
  return at < 0 ? rest.length : at;
}

function valueEnd(rest: string): number {
  const at = rest.indexOf(",");
  return at < 0 ? rest.length : at;
}

function emptyPiece(tokens: readonly Token[]): string {
  return `something must stand on either side of a comma: see what follows piece ${tokens.length}`;
}

function stray(text: string, { text: piece }: Piece): never {
  throw refused(
    text,
    `an option must be given as key=value: see "${piece}", which extends no list`,
  );
}

function refused(text: string, rule: string): UsageError {
  const shown = redactSpec(text);
  // What the rule points at is a part of the text: it may be of a secret where the text has one.
  const told = shown === text ? rule : rule.replace(/: see .*$/s, "");
  return new UsageError(`Cannot read ${JSON.stringify(shown)} as ${told}`);
}

function formatPieces(pieces: readonly Piece[]): string {
  return pieces.map(({ text, quoted }, i) =>
    quoteIf(quoted || !isPlain(text, i === 0), text)
  ).join(",");
}

function quoteIf(needed: boolean, text: string): string {
  return needed ? `"${text.replace(/["\\]/g, "\\$&")}"` : text;
}

/** Whether a text survives unquoted: as a first value it may hold `=`, and may be empty. */
function isPlain(text: string, isFirstValue = false): boolean {
  if (text.trim() !== text || /^["']|,/.test(text)) return false;
  return isFirstValue || (text !== "" && !text.includes("="));
}

function isPlainName(name: string, hasPrimary: boolean): boolean {
  return isPlain(name) && !(hasPrimary && nameEnd(`${name}=`) > name.length);
}
