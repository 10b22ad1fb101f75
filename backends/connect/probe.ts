import { Buffer } from "node:buffer";
import { type Dispatcher, Pool } from "undici";
import { untilAborted } from "../../lib/abort.ts";
import { isRequestError, onAbort, RequestError } from "../../plugins/mod.ts";
import { withDefaults } from "./credentials.ts";
import {
  bodyText,
  decompress,
  decompressStart,
  MAX_BODY_BYTES,
  tooLong,
} from "./content.ts";
import { dial, type Route, routeTo } from "./dial.ts";
import { type Env, shownAddress } from "./endpoint.ts";
import {
  type Attempted,
  connectionFailure,
  connectReason,
  through,
} from "./failures.ts";
import {
  isInformational,
  KEY_HINTS,
  notAnAnswer,
  statusError,
} from "./status.ts";
import type { TlsOptions } from "./tls.ts";

/** A request to the server that does not belong to the run. */
export interface ProbeOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsOptions;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Body of a POST request. A GET request is sent without it. */
  readonly body?: string;
  /** Whether only the status matters: the body of a 2xx response is not read then. @default {false} */
  readonly statusOnly?: boolean;
  /** Connections to use. @default {One for this request alone} */
  readonly connections?: ProbeConnections;
  /** Reads the environment variables that name proxies. @default {No proxy is used} */
  readonly env?: Env;
  /** Hides secrets in text from the server. */
  clean(text: string): string;
}

/** Connections that several probes use. */
export interface ProbeConnections {
  readonly dispatcher: Dispatcher;
  /** Whether an error is that of opening a connection. */
  isConnectError(error: Error): boolean;
  /** Closes them at once. */
  destroy(): void;
}

/**
 * Sends one request and returns the body of its response, decompressed. Nothing is retried, and redirects are not
 * followed.
 *
 * @throws {RequestError} `connect_error` or `connect_timeout` if there is no answer; `http_error` for a status other
 * than 2xx, with the status as its code and the server's message; `closed`, `protocol_error` or `too_large` if the
 * answer is not complete or cannot be read.
 * @throws {UsageError} If the environment's proxy is not valid.
 */
export async function probe(url: URL, options: ProbeOptions): Promise<string> {
  const { signal, timeoutMs } = options;
  signal.throwIfAborted();
  const route = routeOf(url, options);
  const subject = `Cannot reach ${shownAddress(url)}${through(route.proxy)}`;
  const connections = options.connections ?? probeConnections(url, options, 1);
  const giveUp = new AbortController();
  const forget = onAbort(signal, () => giveUp.abort(signal.reason));
  const timer = setTimeout(() => {
    const message = `${subject}: waited ${timeoutMs} ms`;
    giveUp.abort(new RequestError("connect_timeout", message));
  }, timeoutMs);
  let hasHeaders = false;
  async function answer(): Promise<string> {
    const request = requestFor(route, options, giveUp);
    const response = await connections.dispatcher.request(request);
    hasHeaders = true;
    return await bodyOf(response, url, options);
  }
  try {
    // Undici does not react to the signal while it connects.
    return await untilAborted(answer(), giveUp.signal);
  } catch (error) {
    if (giveUp.signal.aborted) throw giveUp.signal.reason;
    if (hasHeaders && isRequestError(error)) throw error;
    const cause = error as Error;
    const attempted = { proxy: route.proxy, isPlain: url.protocol === "http:" };
    const failure = connections.isConnectError(cause)
      ? connectError(cause, attempted)
      : connectionFailure(cause, { ...OPEN, ...attempted, hasHeaders });
    if (!isRequestError(failure)) throw failure;
    const { class: kind, code, message } = failure;
    throw new RequestError(kind, `${subject}: ${message}`, { code, cause });
  } finally {
    clearTimeout(timer);
    forget();
    giveUp.abort();
    if (!options.connections) connections.destroy();
  }
}

/** State of a probe on a connection that is open. */
const OPEN = {
  isOpen: true,
  isAnswered: false,
  isRefused: false,
  idleMs: undefined,
  waitedMs: 0,
};

function connectError(error: Error, attempted: Attempted): RequestError {
  if (isRequestError(error)) return error;
  const { text, code } = connectReason(error, attempted);
  return new RequestError("connect_error", text, { code });
}

function requestFor(
  { path, headers: proxyHeaders }: Route,
  { headers, body }: ProbeOptions,
  giveUp: AbortController,
): Dispatcher.RequestOptions {
  return {
    path,
    method: body === undefined ? "GET" : "POST",
    headers: withDefaults(headers, {
      ...proxyHeaders,
      "accept-encoding": "identity",
    }),
    ...(body !== undefined && { body }),
    signal: giveUp.signal,
    onInfo({ statusCode }) {
      if (!isInformational(statusCode)) giveUp.abort(notAnAnswer(statusCode));
    },
  };
}

/** Largest part of an error's body that is read. */
const MAX_ERROR_BYTES = 64 * 1024;

async function bodyOf(
  { statusCode: status, headers, body }: Dispatcher.ResponseData,
  url: URL,
  { statusOnly, clean }: ProbeOptions,
): Promise<string> {
  if (status < 200) throw notAnAnswer(status);
  if (status < 300 && statusOnly) return "";
  const header = (name: string) => [headers[name]].flat()[0];
  const encoding = header("content-encoding");
  const isError = status >= 300;
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (isError && bytes > MAX_ERROR_BYTES) break;
      if (bytes > MAX_BODY_BYTES) throw tooLong("the body");
    }
  } catch (error) {
    // An error status is one, however much of its message was received.
    if (!isError) throw error;
  }
  const all = Buffer.concat(chunks);
  if (!isError) return bodyText(await decompress(all, encoding));
  const text = (await decompressStart(all, encoding)).toString();
  const response = { status, header, url, hints: KEY_HINTS };
  throw statusError(response, clean(text));
}

/** Keeps up to `limit` connections to one server, for which probes wait. */
export function probeConnections(
  url: URL,
  options: Pick<ProbeOptions, "tls" | "env">,
  limit: number,
): ProbeConnections {
  const target = routeOf(url, options).dial;
  const cancels = new Set<() => void>();
  const errors = new WeakSet<Error>();
  const dispatcher = new Pool(target.url.origin, {
    connections: limit,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect(_options, done) {
      const cancel = dial(target, (...result) => {
        cancels.delete(cancel);
        if (result[0]) errors.add(result[0]);
        done(...result);
      });
      cancels.add(cancel);
    },
  });
  return {
    dispatcher,
    isConnectError: (error) => errors.has(error),
    destroy() {
      for (const cancel of cancels) cancel();
      void dispatcher.destroy();
    },
  };
}

function routeOf(
  url: URL,
  { tls, env = () => undefined }: Pick<ProbeOptions, "tls" | "env">,
): Route {
  return routeTo(url, { tls, http2: false, env });
}
