import { isLoopback } from "../lib/host.ts";
import { messageOf, UsageError } from "../core/errors.ts";
import { readBody } from "../lib/bytes.ts";
import { redactText, redactUrl } from "../lib/redact.ts";
import { staticImports } from "../lib/static_imports.ts";
import { stripColors } from "../lib/text.ts";

/** Options of fetching a module. */
export interface FetchOptions {
  /** Function that fetches. @default globalThis.fetch */
  readonly fetch?: typeof fetch;
  /** Time limit of all requests together, in milliseconds. @default {30000} */
  readonly timeoutMs?: number;
}

/** Size limit of a plugin. */
const MAX_BYTES = 16 * 2 ** 20;

const MAX_REDIRECTS = 5;

/**
 * Fetches a module and imports it as a `data:` URL.
 *
 * An import of the URL itself would write to the user's deno.lock, or fail if that is frozen; it would never fetch a
 * newer version of the module; and a compiled binary cannot do it at all.
 *
 * @param specifier `https:`, or `http:` on loopback; `#sha256=…` accepts only the source with that hash.
 * @throws {UsageError} If the module cannot be fetched, has another hash, or imports other modules.
 */
export async function importRemote(
  specifier: string,
  options: FetchOptions = {},
): Promise<Record<string, unknown>> {
  const { url, sha256 } = parseRemote(specifier);
  const failure = failureOf(url);
  const { bytes, type } = await download(url, options, failure);
  if (sha256 !== undefined) await verify(bytes, sha256, failure);
  checkImports(new TextDecoder().decode(bytes), failure);
  const module = `data:${type};base64,${bytes.toBase64()}`;
  try {
    // deno-lint-ignore house/one-way-imports -- the module belongs to its author, not to this project
    return await import(module);
  } catch (error) {
    const message = stripColors(messageOf(error))
      .replaceAll(module, redactUrl(url.href));
    // The cause names the plugin's URL too, in place of its whole source in base64.
    const cause = new Error(message, { cause: error });
    throw failure(`import failed: ${message}`, cause);
  }
}

/** Creates the error of one URL. */
type Failure = (message: string, cause?: unknown) => UsageError;

function failureOf(url: URL | string): Failure {
  const where = redactUrl(String(url));
  return (message, cause) =>
    new UsageError(`${where}: ${redactText(message)}`, { cause });
}

/** Splits the pin from a URL, and checks that code from the URL is safe to run. */
function parseRemote(specifier: string): { url: URL; sha256?: string } {
  const failure = failureOf(specifier);
  const url = URL.parse(specifier);
  if (!url) throw failure("is not a valid URL");
  checkSafe(url, failure);
  const { hash } = url;
  url.hash = "";
  if (hash === "") return { url };
  const sha256 = hash.match(/^#sha256=([0-9a-f]{64})$/i)?.[1];
  if (sha256 === undefined) {
    const hint = hash.lastIndexOf("=") > hash.indexOf("=")
      ? `; a URL must be in quotes if a value follows it: "URL"=VALUE`
      : "";
    throw failure(
      `the fragment must be #sha256= and 64 hexadecimal digits, but was ${hash}${hint}`,
    );
  }
  return { url, sha256: sha256.toLowerCase() };
}

function checkSafe(url: URL, failure: Failure): void {
  const { protocol } = url;
  const isSafe = protocol === "https:" ||
    (protocol === "http:" && isLoopback(url));
  if (isSafe) return;
  throw failure(
    "code is loaded only over https:, or over http: from this machine, so that nobody can change it on the way",
  );
}

/** Returns the source and its media type. */
async function download(
  url: URL,
  { fetch = globalThis.fetch, timeoutMs = 30_000 }: FetchOptions,
  failure: Failure,
) {
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = { accept: "application/typescript, text/javascript, */*" };
  try {
    const get = (each: URL) =>
      fetch(each, { redirect: "manual", signal, headers });
    const response = await follow(url, get, failure);
    const bytes = await readBody(response, MAX_BYTES);
    checkIsCode(response, bytes, failure);
    return { bytes, type: mediaType(url, response) };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw signal.aborted
      ? failure(`no complete answer within ${timeoutMs / 1000} s`, error)
      : failure(`cannot be fetched: ${messageOf(error)}`, error);
  }
}

/** Follows redirects. Code from each URL on the way must be safe to run. */
async function follow(
  url: URL,
  get: (url: URL) => Promise<Response>,
  failure: Failure,
): Promise<Response> {
  let here = url;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await get(here);
    if (response.ok) return response;
    await response.body?.cancel();
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || location === null) {
      const { status, statusText } = response;
      throw failure(`the server answered ${`${status} ${statusText}`.trim()}`);
    }
    const next = URL.parse(location, here);
    if (!next) throw failure(`redirects to an invalid URL: ${location}`);
    checkSafe(next, (message) => failure(`redirects to ${next}: ${message}`));
    here = next;
  }
  throw failure(`redirects more than ${MAX_REDIRECTS} times`);
}

function checkIsCode(
  { headers }: Response,
  bytes: Uint8Array,
  failure: Failure,
): void {
  if (bytes.length === 0) throw failure("the server sent an empty body");
  const start = new TextDecoder().decode(bytes.subarray(0, 200)).trimStart();
  const isPage = headers.get("content-type")?.includes("html") &&
    start.startsWith("<");
  if (isPage || /^<(!doctype|html|\?xml)/i.test(start)) {
    throw failure(
      "the server sent a web page, not code; use the URL of the raw file",
    );
  }
}

function mediaType({ pathname }: URL, { headers }: Response): string {
  if (/\.m?js$/.test(pathname)) return "text/javascript";
  if (/\.[jt]sx$/.test(pathname)) return "text/tsx";
  if (/\.m?ts$/.test(pathname)) return "application/typescript";
  return headers.get("content-type")?.includes("javascript")
    ? "text/javascript"
    : "application/typescript";
}

async function verify(
  bytes: Uint8Array<ArrayBuffer>,
  sha256: string,
  failure: Failure,
): Promise<void> {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  const found = new Uint8Array(digest).toHex();
  if (found !== sha256) {
    throw failure(`SHA-256 must be the pinned ${sha256}, but was ${found}`);
  }
}

/** Rejects imports: a `data:` module has no location to resolve them from, and could import unpinned code by URL. */
function checkImports(source: string, failure: Failure): void {
  const others = staticImports(source).filter((name) =>
    !name.startsWith("node:")
  );
  if (others.length === 0) return;
  const names = others.map((name) => JSON.stringify(name)).join(", ");
  throw failure(
    `a plugin that is loaded by URL may import only types and node: modules, but imports ${names}; bundle it first, with 'deno bundle plugin.ts -o plugin.js'`,
  );
}
