/** What stands in place of something secret. */
const HIDDEN = "***";

/** What an option may hold that can be secret: a password may look like a number. */
type Value = string | number;

/**
 * Options as a report may hold them. Hidden are the values of headers, every value under a key that names a secret
 * (`api_key`, `token`, `password`, …) at any depth, and of a URL its user, password and the values of its query.
 */
export function redact(options: unknown): unknown {
  return mapValues(
    options,
    [],
    (value, keys) =>
      isSecretPath(keys)
        ? HIDDEN
        : typeof value === "string"
        ? shownUrl(value)
        : value,
  );
}

/** The values in options that {@linkcode redact} hides because of their keys, as text. */
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

/** Last words of keys whose values are secret, small and without a plural: `x-api-key`, `accessToken`. */
const SECRET_WORDS: ReadonlySet<string> = new Set([
  ..."key apikey token secret password passwd passphrase pwd pass credential"
    .split(" "),
  ..."authorization auth cookie bearer signature jwt".split(" "),
]);

/** Options that end in such a word and name a file. */
const FILES: ReadonlySet<string> = new Set(["clientKey"]);

/** Whether what stands at these keys is secret: one of them names a secret, or they lead into headers. */
export function isSecretPath(keys: readonly string[]): boolean {
  return keys.some((key) => {
    if (/headers$/i.test(key)) return true;
    const words = key.slice(-64).split(/[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])/);
    const last = words.at(-1)!.toLowerCase().replace(/s$/, "");
    // "tokens" are counted far more often than they are hidden.
    const isCount = /tokens$/i.test(key);
    return !isCount && !FILES.has(key) &&
      (SECRET_WORDS.has(last) || SECRET_WORDS.has(`${last}s`));
  });
}

/** A text for an error or a warning: what may be secret of every URL in it is hidden. */
export function shownText(text: string): string {
  // The scheme's length is bounded, so that no text takes more than linear time.
  return text.replace(
    /(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,15}:\/\/[^\s"'),]*[^\s"'),.:;]/gi,
    shownUrl,
  );
}

/** A key with what stands between it and its value, and a value: of the command line's grammar or of JSON. */
const KEY = /(?<![\w.-])([\w.-]+)["']?\s*[=:]\s*/g;
const VALUE = /"(?:[^"\\]|\\.)*"?|'[^']*'?|[^,;&}\]"']+/y;

/** `NAME=VALUE,key=value…` for an error: values of keys that name a secret are hidden too. */
export function shownSpec(text: string): string {
  let shown = "";
  let doneTo = 0;
  for (const { 0: whole, 1: key, index } of text.matchAll(KEY)) {
    const end = index + whole.length;
    // What follows the name of a scheme is a URL.
    const isSecret = isSecretPath(key!.split(".")) &&
      !text.startsWith("//", end);
    if (index < doneTo || !isSecret) continue;
    VALUE.lastIndex = end;
    const [value = ""] = VALUE.exec(text) ?? [];
    if (value === "") continue;
    shown += text.slice(doneTo, end) + HIDDEN;
    doneTo = end + value.length;
  }
  return shownText(shown + text.slice(doneTo))
    .replace(/(^|=)[^\s/@:=,"']+:[^\s/@,"']+@(?=[\w.[])/g, `$1${HIDDEN}@`);
}

/** A rule that an option broke, without its value where the option's name says that it is secret. */
export function shownRule(rule: string, keys: readonly string[]): string {
  return isSecretPath(keys)
    ? rule.replace(
      /(: current value is (?!a text of \d+ characters$)|, but was ).*$/s,
      "",
    )
    : rule;
}

/** A URL as it may be shown, its user, password and the values of its query hidden; any other text as it is. */
export function shownUrl(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return withoutUser(text);
  const url = URL.parse(text);
  if (!url) return shownOdd(text);
  if (!url.username && !url.password && !url.search) return text;
  if (url.username) url.username = HIDDEN;
  if (url.password) url.password = HIDDEN;
  // A name without a value may be a secret itself.
  for (const [name, value] of [...url.searchParams]) {
    if (value === "") url.searchParams.delete(name);
    url.searchParams.set(value === "" ? HIDDEN : name, HIDDEN);
  }
  return url.href;
}

/** What is no URL after all, as it was mistyped. */
function shownOdd(text: string): string {
  return text.replace(/:\/\/[^/?#]*@/, `://${HIDDEN}@`)
    .replace(/\?[^#]*/, `?${HIDDEN}`);
}

/** A URL without its scheme: `me:password@host`. */
function withoutUser(text: string): string {
  return text.replace(/^[^\s/@:]+:[^\s/@]+@(?=[\w.[])/, `${HIDDEN}@`);
}
