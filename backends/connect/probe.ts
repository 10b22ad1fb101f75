import { Client, type Dispatcher, Pool } from "undici";
import type { Env } from "./endpoint.ts";
import { dial, type Road, roadTo, type Way } from "./dial.ts";
import { connectReason, faultOf, firstOf, through } from "./failures.ts";
import { isInformational, KEY_HINTS } from "./status.ts";
import type { TlsOptions } from "./tls.ts";
import { withDefaults } from "../http/raw_headers.ts";
import { type Response, responseOf } from "../http/response.ts";
import type { WireHandler } from "../http/wire.ts";
import { isRequestError, onAbort, RequestError } from "../../plugins/mod.ts";

/** How to ask a server something beside the run. */
export interface ProbeOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsOptions;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Sent by POST, where there is one. */
  readonly body?: string;
  /** Whether the status alone is wanted: the body of a 2xx is not read. @default {false} */
  readonly statusOnly?: boolean;
  /** Connections to use. Each question has one of its own, unless given. */
  readonly connections?: ProbeConnections;
  /** Reads an environment variable: for proxies. Goes by none, unless given. */
  readonly env?: Env;
  /** Takes secrets out of text that a server has written. */
  clean(text: string): string;
}

/** Connections that are kept from one probe to the next. */
export interface ProbeConnections {
  dispatch(request: Dispatcher.DispatchOptions, handler: ProbeHandler): void;
  /** Closes them, whatever they do. */
  destroy(): void;
}

/** What undici calls: gives the request up by what `onConnect` is handed. */
type ProbeHandler = Omit<WireHandler, "onConnect"> & {
  onConnect(abort: () => void): void;
};

/**
 * Asks a server something and resolves with the body of its answer: by the same connections, decoding and failures as
 * requests have. Nothing is retried, and no redirect is followed.
 *
 * @throws {RequestError} `connect_error` or `connect_timeout` if there is no answer, `http_error` for a status other
 * than 2xx, with the status as its code and the server's message, `closed` or `protocol_error` if the answer is not
 * whole or cannot be read.
 * @throws {UsageError} If the environment names a proxy that is none.
 */
export async function probe(url: URL, options: ProbeOptions): Promise<string> {
  const { signal, timeoutMs } = options;
  signal.throwIfAborted();
  const question = { url, road: roadOf(url, options) };
  const connections = options.connections ?? once(question.road.way);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const stop = ask(question, { ...options, connections }, { resolve, reject });
  const forget = onAbort(signal, () => reject(signal.reason));
  const timer = setTimeout(() => {
    const message = `${reach(question)}: waited ${timeoutMs} ms`;
    reject(new RequestError("connect_timeout", message));
  }, timeoutMs);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    forget();
    stop();
    if (!options.connections) connections.destroy();
  }
}

/** What is asked for, and the way there. */
interface Question {
  readonly url: URL;
  readonly road: Road;
}

/** Sends a question and reads the answer. What is returned gives it up, unless it is over. */
function ask(
  question: Question,
  { headers, body, statusOnly, clean, connections }:
    & ProbeOptions
    & { readonly connections: ProbeConnections },
  { resolve, reject }: {
    resolve(body: string): void;
    reject(error: unknown): void;
  },
): () => void {
  const { url, road } = question;
  let abort = () => {};
  let response: Response | undefined;
  let isOpen = false, isOver = false;
  const reader = { event: () => true, body: resolve };
  connections.dispatch({
    path: road.path,
    method: body === undefined ? "GET" : "POST",
    headers: withDefaults(Object.entries(headers).flat(), [
      ...road.headers,
      "accept-encoding",
      "identity",
    ]),
    ...(body !== undefined && { body }),
  }, {
    onConnect(abortRequest) {
      isOpen = true;
      abort = abortRequest;
      if (isOver) abort();
    },
    onRequestSent() {},
    onHeaders(status, headers) {
      if (isInformational(status) || isOver) return true;
      if (statusOnly && status >= 200 && status < 300) {
        resolve("");
        return true;
      }
      const head = { status, headers, atMs: 0, url, hints: KEY_HINTS };
      try {
        response = responseOf(head, {
          call: { event: () => {}, buffered: () => {} },
          reader,
          clean,
          settle: (error) => error === undefined ? resolve("") : reject(error),
        });
      } catch (error) {
        reject(error);
      }
      return true;
    },
    onData(piece) {
      response?.read(piece, 0);
      return true;
    },
    onComplete() {
      isOver = true;
      response?.end();
    },
    onError(error) {
      isOver = true;
      response?.cut();
      const hasHeaders = response !== undefined;
      reject(failureOf(error, question, { isOpen, hasHeaders }));
    },
  });
  return () => {
    response?.stop();
    if (isOver) return;
    isOver = true;
    abort();
  };
}

/** Names the server, and the proxy that stands before it. */
function reach({ url, road }: Question): string {
  const where = `${url.protocol}//${url.host}${url.pathname}`;
  return `Cannot reach ${where}${through(road.proxy)}`;
}

function failureOf(
  error: Error,
  question: Question,
  progress: { readonly isOpen: boolean; readonly hasHeaders: boolean },
): Error {
  const { url, road: { proxy } } = question;
  const isPlain = url.protocol === "http:";
  const tried = {
    ...progress,
    isAnswered: progress.hasHeaders,
    proxy,
    isPlain,
    isRefused: false,
    idleMs: undefined,
    waitedMs: 0,
  };
  const fault = faultOf(error, tried);
  if (!isRequestError(fault)) return fault;
  const { code } = fault;
  const words = progress.isOpen || fault === firstOf(error)
    ? fault.message
    : connectReason(error, tried).words;
  return new RequestError(fault.class, `${reach(question)}: ${words}`, {
    code,
    cause: error,
  });
}

/** Keeps connections to one server: at most so many, which questions wait for. */
export function probeConnections(
  url: URL,
  options: Pick<ProbeOptions, "tls" | "env">,
  connections: number,
): ProbeConnections {
  const { way } = roadOf(url, options);
  return over(
    way,
    (settings) => new Pool(way.url.origin, { ...settings, connections }),
  );
}

/** A connection for one question, which it says: connection: close. */
function once(way: Way): ProbeConnections {
  return over(
    way,
    (settings) => new Client(way.url.origin, { ...settings, pipelining: 0 }),
  );
}

/** Has a dispatcher of undici open its sockets as all others are opened. */
function over(
  way: Way,
  open: (settings: Client.Options) => Dispatcher,
): ProbeConnections {
  const cancels = new Set<() => void>();
  const dispatcher = open({
    headersTimeout: 0,
    bodyTimeout: 0,
    connect(_options, opened) {
      const cancel = dial(way, (...result) => {
        cancels.delete(cancel);
        opened(...result);
      });
      cancels.add(cancel);
    },
  });
  return {
    dispatch: (request, handler) =>
      void dispatcher.dispatch(request, handler as Dispatcher.DispatchHandler),
    destroy() {
      for (const cancel of cancels) cancel();
      void dispatcher.destroy();
    },
  };
}

function roadOf(
  url: URL,
  { tls, env = () => undefined }: Pick<ProbeOptions, "tls" | "env">,
): Road {
  return roadTo(url, { tls, http2: false, env });
}
