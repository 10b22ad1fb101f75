import { Buffer } from "node:buffer";
import { Agent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as SecureAgent, request as requestHttps } from "node:https";
import { isRequestError, onAbort, RequestError } from "../../plugins/mod.ts";
import { connectReason, through } from "./connect_reason.ts";
import { dial, type Opened, type Way } from "./dial.ts";
import type { Env } from "./proxy.ts";
import { type Road, roadTo } from "./road.ts";
import type { TlsOptions } from "./tls.ts";

/** How to ask a server something beside the run. */
export interface ProbeOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsOptions;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Sent by POST, where there is one. */
  readonly body?: string;
  /** Keeps connections. Each question has one of its own, unless given, and by a proxy always. */
  readonly agent?: Agent;
  /** Reads an environment variable: for proxies. Goes by none, unless given. */
  readonly env?: Env;
}

/** What it answered. */
export interface ProbeAnswer {
  readonly status: number;
  readonly body: string;
}

const MAX_BODY_BYTES = 4 * 1024 * 1024;

/**
 * Asks by `node:https`, as `fetch` can neither be told to take any certificate nor be kept from retrying.
 *
 * @throws {RequestError} If there is no answer: `connect_error` or `connect_timeout`.
 * @throws {UsageError} If the environment names a proxy that is none.
 */
export async function probe(
  url: URL,
  options: ProbeOptions,
): Promise<ProbeAnswer> {
  const { tls, env = () => undefined } = options;
  const road = roadTo(url, { tls, http2: false, env });
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), options.timeoutMs);
  const forget = onAbort(options.signal, () => limit.abort());
  try {
    const response = await answerOf(road, url, options, limit.signal);
    return { status: response.statusCode ?? 0, body: await bodyOf(response) };
  } catch (cause) {
    options.signal.throwIfAborted();
    const where = `${url.protocol}//${url.host}${url.pathname}`;
    const message = `Cannot reach ${where}${through(road.proxy)}`;
    if (limit.signal.aborted) {
      throw new RequestError(
        "connect_timeout",
        `${message}: waited ${options.timeoutMs} ms`,
      );
    }
    if (isRequestError(cause)) {
      const { code } = cause;
      throw new RequestError("connect_error", message, { code, cause });
    }
    const isPlain = url.protocol === "http:";
    const { words, code } = connectReason(cause as Error, { ...road, isPlain });
    throw new RequestError("connect_error", `${message}: ${words}`, {
      code,
      cause,
    });
  } finally {
    clearTimeout(timer);
    forget();
  }
}

function answerOf(
  { way, path, headers: more }: Road,
  url: URL,
  { headers, tls, body, agent }: ProbeOptions,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const isStraight = way.url === url && way.tunnel === undefined;
  return new Promise((resolve, reject) => {
    const common = {
      method: body === undefined ? "GET" : "POST",
      headers: { ...headers, ...pairsOf(more) },
      path,
      signal,
      agent: isStraight ? agent ?? false : agentOn(way, signal),
    };
    const request = way.url.protocol === "https:"
      ? requestHttps(way.url, { ...common, ...tls }, resolve)
      : requestHttp(way.url, common, resolve);
    request.on("error", reject);
    request.end(body);
  });
}

/** Has a request go by a proxy. */
function agentOn(way: Way, signal: AbortSignal): Agent {
  const agent = way.url.protocol === "https:" ? new SecureAgent() : new Agent();
  return Object.assign(agent, {
    createConnection(_options: unknown, opened: Opened) {
      const cancel = dial(way, opened);
      signal.addEventListener("abort", cancel, { once: true });
    },
  });
}

function pairsOf(list: readonly string[]): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (let i = 0; i + 1 < list.length; i += 2) pairs[list[i]!] = list[i + 1]!;
  return pairs;
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) break;
  }
  return Buffer.concat(chunks).toString();
}
