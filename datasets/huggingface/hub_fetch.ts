import { setTimeout } from "node:timers/promises";
import { messageOf } from "../../plugins/mod.ts";
import { readBody } from "../../lib/bytes.ts";

/** An error status of the hub. */
export class HubStatusError extends Error {
  /** The hub's own code for the error. */
  readonly code: string | null;
  /** The status of the response. */
  readonly status: number;
  /** The time to wait that the hub asks for. */
  readonly retryAfterMs: number | undefined;

  /** Creates the error of a response. */
  constructor({ status, headers }: Response) {
    super(`the hub answered with status ${status}`);
    this.name = "HubStatusError";
    this.status = status;
    this.code = headers.get("x-error-code");
    const seconds = Number(headers.get("retry-after") ?? NaN);
    this.retryAfterMs = seconds >= 0 ? seconds * 1000 : undefined;
  }
}

/** A `fetch` that throws a {@linkcode HubStatusError} unless it succeeds. The response's body has been read. */
export type HubFetch = (
  input: URL | RequestInfo,
  init?: RequestInit,
) => Promise<Response>;

/** Options of {@linkcode hubFetch}. */
export interface HubFetchOptions {
  /** The hub's address. */
  readonly endpoint: URL;
  readonly token: string | undefined;
  /** Longest time without any data, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborts all requests: the dataset is closed. */
  readonly signal: AbortSignal;
}

/** A dataset on a hub, and the connection to it. */
export interface Hub extends HubFetchOptions {
  /** The dataset's name: `owner/name`. */
  readonly dataset: string;
  readonly revision: string | undefined;
  readonly fetch: HubFetch;
  /** Environment variable of the token, whose value is never shown. */
  readonly tokenEnv: string;
}

/** Largest response: it is held in memory. */
const MAX_BYTES = 2 ** 30;
/** Number of attempts for a range of a file. */
const TRIES = 3;
const WAIT_MS = 500;
const MAX_WAIT_MS = 30_000;

/**
 * Makes a `fetch` that sends the token to the hub only: files are on other hosts, to which the hub redirects with a
 * signature, and `fetch` removes the token then. A request for a range of a file is repeated if its error may be
 * temporary.
 */
export function hubFetch(
  { endpoint, token, timeoutMs, signal }: HubFetchOptions,
): HubFetch {
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const stopped = init.signal
      ? AbortSignal.any([signal, init.signal])
      : signal;
    const headers = new Headers(init.headers);
    headers.delete("authorization");
    if (token !== undefined && url.origin === endpoint.origin) {
      headers.set("authorization", `Bearer ${token}`);
    }
    for (let tries = 1;; tries++) {
      try {
        const request = { ...init, headers };
        const response = await fetchWhole(url, request, stopped, timeoutMs);
        if (response.ok) return response;
        throw new HubStatusError(response);
      } catch (error) {
        const isLast = !headers.has("range") || tries === TRIES ||
          stopped.aborted;
        if (isLast || !isTemporary(error)) throw shownError(url, error);
        // An abort ends the pause, and then the next attempt.
        await setTimeout(waitMs(error, tries), null, { signal: stopped })
          .catch(() => {});
      }
    }
  };
}

async function fetchWhole(
  url: URL,
  init: RequestInit,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<Response> {
  const late = new AbortController();
  const reason = new Error(`nothing arrived within ${timeoutMs} ms`);
  const wait = () => globalThis.setTimeout(() => late.abort(reason), timeoutMs);
  let timer = wait();
  try {
    const response = await fetch(url, {
      ...init,
      signal: AbortSignal.any([late.signal, signal]),
    });
    const bytes = await readBody(response, MAX_BYTES, () => {
      clearTimeout(timer);
      timer = wait();
    });
    const { status, headers } = response;
    const hasBody = ![101, 204, 205, 304].includes(status);
    return new Response(hasBody ? bytes : null, { status, headers });
  } finally {
    clearTimeout(timer);
  }
}

function isTemporary(error: unknown): boolean {
  if (isPermission(error)) return false;
  return !(error instanceof HubStatusError) || error.status >= 500 ||
    error.status === 429;
}

/** The time that the hub asks for, within limits; otherwise longer after each attempt. */
function waitMs(error: unknown, tries: number): number {
  const { retryAfterMs = WAIT_MS * tries } = error as Partial<HubStatusError>;
  return Math.min(retryAfterMs, MAX_WAIT_MS);
}

/** Removes the queries of URLs, which contain signatures. */
function shownError(url: URL, error: unknown): unknown {
  if (error instanceof HubStatusError || isPermission(error)) return error;
  const reason = messageOf(error).replace(
    /https?:\/\/[^\s"']+/g,
    (each) => each.replace(/\?[^)]*/g, ""),
  );
  return new Error(`cannot fetch ${url.origin}${url.pathname}: ${reason}`);
}

/** Whether Deno was not given a permission. */
export function isPermission(error: unknown): error is Error {
  return error instanceof Deno.errors.NotCapable;
}
