import { isRecord } from "./record.ts";

/** Text that replaces a secret. */
const HIDDEN = "***";

/** A value that may be secret; a password may look like a number. */
type Value = string | number;

/**
 * Returns options without their secrets, for a report. Hides the values of headers, every value under a key that names
 * a secret (`api_key`, `token`, `password`, …) at any depth, and the user, the password, the query values and
 * the fragment of URLs.
 */
export function redact(options: unknown): unknown {
  return mapValues(options, [], (value, keys) => {
    if (isSecretPath(keys)) return HIDDEN;
    return typeof value === "string" ? redactUrl(value) : value;
  });
}

/** Returns, as text, the values that {@linkcode redact} hides because of their keys. */
export function secretTexts(options: unknown): string[] {
  const found: string[] = [];
  mapValues(options, [], (value, keys) => {
    if (isSecretPath(keys)) found.push(String(value));
    return value;
  });
  return found;
}

function mapValues(
  value: unknown,
  keys: readonly string[],
  map: (value: Value, keys: readonly string[]) => Value,
): unknown {
  if (Array.isArray(value)) {
    return value.map((each) => mapValues(each, keys, map));
  }
  if (typeof value === "object" && value !== null) {
    if (isEnvReference(value, keys)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [
        key,
        mapValues(each, [...keys, key], map),
      ]),
    );
  }
  return typeof value === "string" || typeof value === "number"
    ? map(value, keys)
    : value;
}

/**
 * Whether a value is `{ env: NAME }`, a reference to an environment variable. Directly under `headers`, `env` is the
 * name of a header.
 */
export function isEnvReference(
  value: unknown,
  keys: readonly string[],
): value is { readonly env: string } {
  if (!isRecord(value) || Object.keys(value).length !== 1) return false;
  return typeof value.env === "string" &&
    /^[A-Z_][A-Z0-9_]*$/.test(value.env) &&
    !/headers$/i.test(keys.at(-1) ?? "headers");
}

/** Last words of keys whose values are secret, in lower case and singular: `x-api-key`, `accessToken`. */
const SECRET_WORDS: ReadonlySet<string> = new Set([
  ..."key apikey token secret password passwd passphrase pwd pass credential"
    .split(" "),
  ..."authorization auth cookie bearer signature jwt".split(" "),
]);

/** Options that end in such a word but name a file. */
const FILES: ReadonlySet<string> = new Set(["clientKey"]);

/** Reports whether the value at a path of keys is secret: a key names a secret, or the path leads into headers. */
export function isSecretPath(keys: readonly string[]): boolean {
  return keys.some((key) => {
    if (/headers$/i.test(key)) return true;
    const words = key.slice(-64).split(/[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])/);
    const last = words.at(-1)!.toLowerCase().replace(/s$/, "");
    // "tokens" is almost always a count.
    const isCount = /tokens$/i.test(key);
    return !isCount && !FILES.has(key) &&
      (SECRET_WORDS.has(last) || SECRET_WORDS.has(`${last}s`));
  });
}

/** Returns a text for an error or a warning, with the secrets of every URL in it hidden. */
export function redactText(text: string): string {
  // The length of the scheme is bounded, so that every text takes linear time.
  return text.replace(
    /(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,15}:\/\/[^\s"'),]*[^\s"'),.:;]/gi,
    redactUrl,
  );
}

/** A key with its separator, and a value, in the grammar of the command line or in JSON. */
const KEY = /(?<![\w.-])([\w.-]+)["']?\s*[=:]\s*/g;
const VALUE = /"(?:[^"\\]|\\.)*"?|'[^']*'?|[^,;&}\]"']+/y;

/** Returns `NAME=VALUE,key=value…` for an error, with the values of secret keys hidden too. */
export function redactSpec(text: string): string {
  let shown = "";
  let doneTo = 0;
  for (const { 0: whole, 1: key, index } of text.matchAll(KEY)) {
    const end = index + whole.length;
    // A key before "//" is the scheme of a URL.
    const isSecret = isSecretPath(key!.split(".")) &&
      !text.startsWith("//", end);
    if (index < doneTo || !isSecret) continue;
    VALUE.lastIndex = end;
    const [value = ""] = VALUE.exec(text) ?? [];
    if (value === "") continue;
    shown += text.slice(doneTo, end) + HIDDEN;
    doneTo = end + value.length;
  }
  return redactText(shown + text.slice(doneTo))
    .replace(/(^|=)[^\s/@:=,"']+:[^\s/@,"']+@(?=[\w.[])/g, `$1${HIDDEN}@`);
}

/** Returns the message of a problem, without the value if the option's name says that it is secret. */
export function redactRule(rule: string, keys: readonly string[]): string {
  return isSecretPath(keys)
    ? rule.replace(/, but was (?!a text of \d+ characters$).*$/s, "")
    : rule;
}

/** Hides user, password, query values and fragment of a URL, but not `#sha256=…`; and those of `me:password@host`. */
export function redactUrl(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return withoutUser(text);
  const url = URL.parse(text);
  if (!url) return redactMalformedUrl(text);
  // A plugin's URL may end in the hash of its source.
  const isOpen = /^(#sha256=.*)?$/s.test(url.hash);
  if (!url.username && !url.password && !url.search && isOpen) return text;
  if (!isOpen) url.hash = HIDDEN;
  if (url.username) url.username = HIDDEN;
  if (url.password) url.password = HIDDEN;
  // A name without a value may be a secret itself.
  for (const [name, value] of [...url.searchParams]) {
    if (value === "") url.searchParams.delete(name);
    url.searchParams.set(value === "" ? HIDDEN : name, HIDDEN);
  }
  return url.href;
}

/** Hides the secrets of text that looks like a URL but cannot be parsed. */
function redactMalformedUrl(text: string): string {
  return text.replace(/:\/\/[^/?#]*@/, `://${HIDDEN}@`)
    .replace(/\?[^#]*/, `?${HIDDEN}`)
    .replace(/#(?!sha256=).*/s, `#${HIDDEN}`);
}

/** Hides user and password of a URL without a scheme: `me:password@host`. */
function withoutUser(text: string): string {
  return text.replace(/^[^\s/@:]+:[^\s/@]+@(?=[\w.[])/, `${HIDDEN}@`);
}
