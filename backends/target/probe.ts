import { Buffer } from "node:buffer";
import { Agent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as SecureAgent, request as requestHttps } from "node:https";
import { onAbort, RequestError } from "../../plugins/mod.ts";
import { dial, type Opened, type Way } from "./dial.ts";
import type { Env } from "./proxy.ts";
import { roadTo } from "./road.ts";
import { systemCodeOf } from "./system_code.ts";
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
 */
export async function probe(
  url: URL,
  options: ProbeOptions,
): Promise<ProbeAnswer> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), options.timeoutMs);
  const forget = onAbort(options.signal, () => limit.abort());
  try {
    const response = await answerOf(url, options, limit.signal);
    return { status: response.statusCode ?? 0, body: await bodyOf(response) };
  } catch (cause) {
    options.signal.throwIfAborted();
    const where = `${url.protocol}//${url.host}${url.pathname}`;
    if (limit.signal.aborted) {
      const message = `Cannot reach ${where}: waited ${options.timeoutMs} ms`;
      throw new RequestError("connect_timeout", message);
    }
    const code = systemCodeOf(cause instanceof Error ? cause : undefined);
    throw new RequestError("connect_error", `Cannot reach ${where}`, {
      code,
      cause,
    });
  } finally {
    clearTimeout(timer);
    forget();
  }
}

function answerOf(
  url: URL,
  { headers, tls, body, agent, env = () => undefined }: ProbeOptions,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { way, path, headers: more } = roadTo(url, { tls, http2: false, env });
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
