import { messageOf, UsageError } from "../core/errors.ts";
import { shownText, shownUrl } from "./redact.ts";
import { staticImports } from "./load_imports.ts";

/** How a module is fetched. */
export interface FetchOptions {
  /** Fetches. @default globalThis.fetch */
  readonly fetch?: typeof fetch;
  /** How long all of it may take, in milliseconds. @default {30000} */
  readonly timeoutMs?: number;
}

/** What a plugin may weigh. */
const MAX_BYTES = 16 * 2 ** 20;

const MAX_REDIRECTS = 5;

/**
 * Fetches a module and imports it as a `data:` URL.
 *
 * Importing the URL itself would write it into the user's deno.lock, or fail where that is frozen; it would serve
 * what was cached the first time for ever; and a compiled binary could not do it at all.
 *
 * @param specifier `https:`, or `http:` on loopback; with `#sha256=…` only the source of that hash is taken.
 * @throws {UsageError} If it cannot be had, is not what it is pinned to, or is not self-contained.
 */
export async function importRemote(
  specifier: string,
  options: FetchOptions = {},
): Promise<Record<string, unknown>> {
  const { url, sha256 } = parseRemote(specifier);
  const refuse = refusal(url);
  const { bytes, type } = await download(url, options);
  if (sha256 !== undefined) await verify(bytes, sha256, refuse);
  checkImports(new TextDecoder().decode(bytes), refuse);
  const module = `data:${type};base64,${bytes.toBase64()}`;
  try {
    // deno-lint-ignore house/one-way-imports -- it is a stranger's module, and none of the house
    return await import(module);
  } catch (error) {
    const said = messageOf(error).replaceAll(module, shownUrl(url.href));
    // The cause speaks of the plugin's address too, and not of all its source in base64.
    const cause = new Error(said, { cause: error });
    throw refuse(`it failed when it was imported: ${said}`, cause);
  }
}

type Refuse = (rule: string, cause?: unknown) => UsageError;

function refusal(url: URL | string): Refuse {
  const where = shownUrl(String(url));
  return (rule, cause) =>
    new UsageError(`Cannot load a plugin from ${where} as ${shownText(rule)}`, {
      cause,
    });
}

/** Takes the pin off a URL, and holds that what it names is safe to run. */
function parseRemote(specifier: string): { url: URL; sha256?: string } {
  const refuse = refusal(specifier);
  const url = URL.parse(specifier);
  if (!url) throw refuse("it must be a URL");
  checkSafe(url, refuse);
  const { hash } = url;
  url.hash = "";
  if (hash === "") return { url };
  const sha256 = hash.match(/^#sha256=([0-9a-f]{64})$/i)?.[1];
  if (sha256 === undefined) {
    const hint = hash.lastIndexOf("=") > hash.indexOf("=")
      ? `; a URL with a value behind it must be in quotes: "URL"=VALUE`
      : "";
    throw refuse(
      `what follows # must be sha256= and 64 hexadecimal digits: current value is ${hash}${hint}`,
    );
  }
  return { url, sha256: sha256.toLowerCase() };
}

function checkSafe({ protocol, hostname }: URL, refuse: Refuse): void {
  const isLoopback = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/i
    .test(hostname);
  if (protocol === "https:" || (protocol === "http:" && isLoopback)) return;
  throw refuse(
    "code is run only from https:, or from http: on this machine, where nobody on the way can change it",
  );
}

interface Source {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The media type to import it under. */
  readonly type: string;
}

async function download(
  url: URL,
  { fetch = globalThis.fetch, timeoutMs = 30_000 }: FetchOptions,
): Promise<Source> {
  const refuse = refusal(url);
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), timeoutMs);
  try {
    const response = await follow(url, (each) =>
      fetch(each, {
        redirect: "manual",
        signal: limit.signal,
        headers: { accept: "application/typescript, text/javascript, */*" },
      }));
    const bytes = await read(response, refuse);
    checkIsCode(response, bytes, refuse);
    return { bytes, type: mediaType(url, response) };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (limit.signal.aborted) {
      throw refuse(
        `the server must answer within ${timeoutMs / 1000} s`,
        error,
      );
    }
    throw refuse(`it cannot be fetched: ${messageOf(error)}`, error);
  } finally {
    clearTimeout(timer);
  }
}

/** Follows redirects, each of which must be safe too. */
async function follow(
  url: URL,
  get: (url: URL) => Promise<Response>,
): Promise<Response> {
  const refuse = refusal(url);
  let here = url;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await get(here);
    if (response.ok) return response;
    await response.body?.cancel();
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || location === null) {
      const { status, statusText } = response;
      throw refuse(`the server answered ${`${status} ${statusText}`.trim()}`);
    }
    const next = URL.parse(location, here);
    if (!next) throw refuse(`it is redirected to what is no URL: ${location}`);
    checkSafe(
      next,
      (rule) => refuse(`it is redirected to ${next}, and ${rule}`),
    );
    here = next;
  }
  throw refuse(`it is redirected more than ${MAX_REDIRECTS} times`);
}

async function read(
  { body }: Response,
  refuse: Refuse,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const part of body ?? []) {
    length += part.length;
    if (length > MAX_BYTES) {
      throw refuse(`a plugin may have at most ${MAX_BYTES / 2 ** 20} MiB`);
    }
    parts.push(part);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function checkIsCode(
  { headers }: Response,
  bytes: Uint8Array,
  refuse: Refuse,
): void {
  if (bytes.length === 0) throw refuse("the server sent nothing");
  const start = new TextDecoder().decode(bytes.subarray(0, 200)).trimStart();
  const isPage = headers.get("content-type")?.includes("html") &&
    start.startsWith("<");
  if (isPage || /^<(!doctype|html|\?xml)/i.test(start)) {
    throw refuse(
      "a web page was sent and not code: a repository's raw file has a URL of its own",
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
  refuse: Refuse,
): Promise<void> {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  const found = new Uint8Array(digest).toHex();
  if (found !== sha256) {
    throw refuse(
      `its SHA-256 must be the pinned ${sha256}: current value is ${found}`,
    );
  }
}

/** A module without a place of its own can import nothing that is found from where it lies. */
function checkImports(source: string, refuse: Refuse): void {
  const others = staticImports(source).filter((name) =>
    !name.startsWith("node:")
  );
  if (others.length === 0) return;
  const names = others.map((name) => JSON.stringify(name)).join(", ");
  throw refuse(
    `a plugin that is loaded by URL must be one file, which imports nothing but types and node: modules: it imports ${names}; bundle it first, with 'deno bundle plugin.ts -o plugin.js'`,
  );
}
