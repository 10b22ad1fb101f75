import type { RandomBytes } from "../formats/parquet.ts";
import type { RangeCache } from "./cache.ts";
import {
  HubStatusError,
  isPermission,
  mustBeOk,
  withoutQuery,
} from "./hub_error.ts";
import type { HubFetch } from "./hub_fetch.ts";

/** What a file behind a URL is read with. */
export interface RemoteBytesOptions {
  readonly size: number;
  readonly fetch: HubFetch;
  /** There where downloads are kept. */
  readonly cache: RangeCache | undefined;
  /** Called once, when a download cannot be kept. */
  onKeepError(error: unknown): void;
}

/** How often a range is asked for before it is given up. */
const TRIES = 3;
const WAIT_MS = 500;
const MAX_WAIT_MS = 30_000;

/** A file behind a URL, of which the parts that are asked for are fetched, each once where there is a cache. */
export function remoteBytes(
  url: URL,
  { size, fetch, cache, onKeepError }: RemoteBytesOptions,
): RandomBytes {
  // Where the hub redirected to: asked again only when that address has run out.
  let place: URL | undefined;
  let keeps = cache !== undefined;

  async function once(
    start: number,
    end: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const from = place ?? url;
    const { response, url: last } = await fetch(from, {
      headers: { range: `bytes=${start}-${end - 1}` },
      ...(signal && { signal }),
    });
    if (!response.ok && from !== url) {
      if (place === from) place = undefined;
      return once(start, end, signal);
    }
    mustBeOk(response);
    if (last.origin !== url.origin) place = last;
    const bytes = new Uint8Array(await response.arrayBuffer());
    const part = response.status === 206 ? bytes : bytes.subarray(start, end);
    if (part.length === end - start) return part;
    throw new Error(
      `bytes ${start} to ${end} of ${size} must come: current value is ${part.length} bytes with status ${response.status}`,
    );
  }

  async function fetched(
    start: number,
    end: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    for (let tries = 1;; tries++) {
      try {
        return await once(start, end, signal);
      } catch (cause) {
        const isFinal = signal?.aborted || tries === TRIES || !mayPass(cause);
        if (isFinal) throw told(url, cause);
        await pause(waitMs(cause, tries), signal);
      }
    }
  }

  return {
    size,
    async read(start, end, signal) {
      if (end <= start) return new Uint8Array();
      const kept = await cache?.find(start, end);
      if (kept) return kept;
      const bytes = await fetched(start, end, signal);
      if (keeps) {
        await cache?.keep(start, bytes).catch((error) => {
          if (keeps) onKeepError(error);
          keeps = false;
        });
      }
      return bytes;
    },
  };
}

/** Whether it may go well the next time. */
function mayPass(cause: unknown): boolean {
  if (isPermission(cause)) return false;
  return !(cause instanceof HubStatusError) || cause.status >= 500 ||
    cause.status === 429;
}

/** As long as the hub asks for, within reason; else longer each time. */
function waitMs(cause: unknown, tries: number): number {
  const asked = cause instanceof HubStatusError
    ? cause.retryAfterMs
    : undefined;
  return Math.min(asked ?? WAIT_MS * tries, MAX_WAIT_MS);
}

/** Lets time pass; less of it, where nobody waits any more. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal?.addEventListener("abort", over);
  });
}

/** Says where it was, without what a signed address has behind its question mark. */
function told(url: URL, cause: unknown): unknown {
  if (cause instanceof HubStatusError || isPermission(cause)) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Error(
    `Cannot fetch ${url.origin}${url.pathname} as ${withoutQuery(reason)}`,
  );
}
