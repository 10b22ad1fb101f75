import { createHash } from "node:crypto";
import { readBody } from "../../lib/bytes.ts";

/** Bounds of a download. */
export interface DownloadOptions {
  /** Longest time for all of it, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborts the download. */
  readonly signal: AbortSignal;
  /** Largest size in bytes. @default {256 MiB, which is more than any utterance} */
  readonly maxBytes?: number;
}

/**
 * Downloads a file.
 *
 * @throws {Error} If it does not arrive completely and in time. The message does not contain the query, which may be
 * secret.
 */
export async function download(
  url: URL,
  { timeoutMs, signal, maxBytes = 2 ** 28 }: DownloadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new Error(`it must arrive within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    const response = await fetch(url, {
      signal: AbortSignal.any([late.signal, signal]),
    });
    if (response.ok) return await readBody(response, maxBytes);
    await response.body?.cancel();
    throw new Error(
      `the status must be 200, but was ${response.status} ${response.statusText}`
        .trimEnd(),
    );
  } catch (error) {
    const cause = late.signal.aborted ? late.signal.reason : error;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const address = urlWithoutQuery(url);
    // The message of fetch may contain the whole URL, and so may its cause.
    throw new Error(
      `cannot fetch ${address}: ${reason.replaceAll(url.href, address)}`,
    );
  } finally {
    clearTimeout(timer);
  }
}

/** A URL without user, password and query, which may be secret. */
export function urlWithoutQuery(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** An id for a URL: without its secrets, and different for URLs that differ only in them. */
export function idOfUrl(url: URL): string {
  const address = urlWithoutQuery(url);
  if (address === url.href) return address;
  const hash = createHash("sha256").update(url.href).digest("hex");
  return `${address}#${hash.slice(0, 12)}`;
}
