import { createHash } from "node:crypto";

/** How a download is bounded. */
export interface DownloadOptions {
  /** Longest time in all, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborts when nobody needs it any more. */
  readonly signal: AbortSignal;
  /** Most that may come. @default {256 MiB, as more is no utterance} */
  readonly maxBytes?: number;
}

/**
 * Fetches a file.
 *
 * @throws {Error} If it does not come whole and in time. The message has no query in it, as it may hold a secret.
 */
export async function download(
  url: URL,
  { timeoutMs, signal, maxBytes = 2 ** 28 }: DownloadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new Error(`it must come within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    const response = await fetch(url, {
      signal: AbortSignal.any([late.signal, signal]),
    });
    if (response.ok) return await bytesOf(response, maxBytes);
    await response.body?.cancel();
    throw new Error(
      `the server must answer with status 200: current value is ${response.status} ${response.statusText}`
        .trimEnd(),
    );
  } catch (cause) {
    throw failure(url, late.signal.aborted ? late.signal.reason : cause);
  } finally {
    clearTimeout(timer);
  }
}

/** A URL as it may be shown: without a password or a query. */
export function redactUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** Tells URLs apart that differ in what is not shown of them. */
export function idOfUrl(url: URL): string {
  const shown = redactUrl(url);
  if (shown === url.href) return shown;
  const hash = createHash("sha256").update(url.href).digest("hex");
  return `${shown}#${hash.slice(0, 12)}`;
}

async function bytesOf(
  response: Response,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.length;
    if (size > maxBytes) {
      throw new Error(
        `it must be at most ${maxBytes} bytes: current value is more`,
      );
    }
    pieces.push(piece);
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

function failure(url: URL, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  // What fetch says may repeat the whole address.
  const message = reason.replaceAll(url.href, redactUrl(url));
  return new Error(`Cannot fetch ${redactUrl(url)} as ${message}`);
}
