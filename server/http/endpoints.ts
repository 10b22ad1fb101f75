import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import {
  answerId,
  createContext,
  randomHex,
  type ServerHost,
} from "../context.ts";
import type { Log, LogEntry } from "../log.ts";
import { type Options, REQUEST_SETTINGS } from "../settings.ts";
import { createExchange, type Exchange } from "./exchange.ts";
import { isAuthorized, optionsOf, urlOf } from "./listen.ts";
import { Refusal, refusalJson } from "./refusal.ts";

/** A request's body. */
export interface Incoming {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
}

/** An endpoint with a model, at one path. */
export interface Endpoint {
  /** Prefix of the ids of its answers. */
  readonly prefix: string;
  /**
   * Answers a request.
   *
   * @throws {Refusal} If the request cannot be answered.
   */
  handle(incoming: Incoming, exchange: Exchange): void | Promise<void>;
}

/** Creates the HTTP side of a server, with its endpoints by path. */
export function createHttp(
  host: ServerHost,
  endpoints: ReadonlyMap<string, Endpoint>,
) {
  const { clock, ids } = host;
  const { pathPrefix, healthStatus } = host.options;
  const connectedMs = new WeakMap<Socket, number>();
  let seen = 0;
  let active = 0;

  async function serve(
    endpoint: Endpoint,
    message: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { options, problem } = optionsOf(
      message,
      host.options,
      REQUEST_SETTINGS,
    );
    const id = answerId(endpoint.prefix, message, options.dialect, ids);
    const context = createContext(host, id, options);
    const { record } = context;
    const atMs = connectedMs.get(message.socket);
    connectedMs.delete(message.socket);
    if (atMs !== undefined) record("note", "connected", { atMs });
    message.socket.setNoDelay(true);
    record("in", `${message.method} ${urlOf(message)[0]}`);
    response.on("error", () => response.destroy());
    const body = await receive(message, response);
    if (!body) return record("note", "closed early");
    const receivedMs = clock.now();
    record("in", "body", { bytes: body.length });
    const parts = { ...context, message, response, receivedMs };
    const exchange = createExchange(parts);
    if (exchange.strikeAtAccept()) return;
    if (!isAuthorized(message, host.options)) {
      return exchange.answer('{"error":"Unauthorized"}', { status: 401 });
    }
    if (problem !== undefined) {
      const headers = { "content-type": "text/plain" };
      return exchange.answer(problem, { status: 400, headers });
    }
    const contentType = message.headers["content-type"] ?? "";
    await run(endpoint, { body, contentType }, exchange);
  }

  async function run(
    endpoint: Endpoint,
    incoming: Incoming,
    exchange: Exchange,
  ): Promise<void> {
    seen++;
    active++;
    exchange.onOver(() => active--);
    try {
      admit(exchange.options);
      await endpoint.handle(incoming, exchange);
    } catch (cause) {
      const refusal = cause instanceof Refusal
        ? cause
        : new Refusal(String(cause), { status: 500, cause });
      const json = refusalJson(refusal, exchange.options.dialect);
      exchange.answer(json, { status: refusal.status });
    }
  }

  /** Refuses requests beyond the limits that are set. */
  function admit(
    { maxConcurrentRequests, failAfterRequests }: Options,
  ): void {
    if (maxConcurrentRequests > 0 && active > maxConcurrentRequests) {
      const message = "The server is at its limit of concurrent requests.";
      throw new Refusal(message, { status: 503, code: "overloaded" });
    }
    if (failAfterRequests > 0 && seen > failAfterRequests) {
      const message = `The server fails after ${failAfterRequests} requests.`;
      throw new Refusal(message, { status: 500 });
    }
  }

  /** Answers the routes without a model: health, version, models and the log. */
  function answerRoute(
    route: string,
    message: IncomingMessage,
    response: ServerResponse,
  ): void {
    const method = message.method === "HEAD" ? "GET" : message.method;
    if (!isAuthorized(message, host.options)) {
      return sendJson(response, 401, { error: "Unauthorized" });
    }
    switch (`${method} ${route}`) {
      case "GET /health":
        return void response.writeHead(healthStatus).end();
      case "GET /ping":
        return void response.writeHead(200).end();
      case "GET /version":
        return sendJson(response, 200, { version: "0.32.0" });
      case "GET /v1/models":
        return sendJson(response, 200, modelList(host));
      case "GET /log":
        return sendLog(message, response, host.log);
      case "DELETE /log":
        host.log.clear();
        return void response.writeHead(204).end();
      default:
        return sendJson(response, 404, { detail: "Not Found" });
    }
  }

  return {
    /** Keeps the time of a new connection for the log. */
    connected: (socket: Socket) => void connectedMs.set(socket, clock.now()),
    /** Answers a request. */
    request(message: IncomingMessage, response: ServerResponse): void {
      const [path] = urlOf(message);
      const route = path.startsWith(pathPrefix)
        ? path.slice(pathPrefix.length)
        : "";
      const endpoint = endpoints.get(route);
      if (endpoint && message.method === "POST") {
        return void serve(endpoint, message, response);
      }
      message.resume();
      if (!endpoint) return answerRoute(route, message, response);
      const body = { detail: "Method Not Allowed" };
      sendJson(response, 405, body, { allow: "POST" });
    },
  };
}

/** Reads a request's body; undefined if the client leaves before its end. */
function receive(
  message: IncomingMessage,
  response: ServerResponse,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = [];
  return new Promise((resolve) => {
    response.once("close", () => resolve(undefined));
    message.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    message.on("error", () => response.destroy());
    message.on("end", () => {
      if (!response.destroyed) resolve(Buffer.concat(chunks));
    });
  });
}

/** Sends a JSON response. */
function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    ...headers,
  }).end(body);
}

function modelList({ models, options, clock, ids }: ServerHost): unknown {
  const created = Math.floor(clock.now() / 1000);
  const data = models.map((id) => ({
    id,
    object: "model",
    created,
    owned_by: "vllm",
    root: id,
    parent: null,
    max_model_len: options.maxModelLen,
    permission: [{
      id: `modelperm-${randomHex(ids)}`,
      object: "model_permission",
      created,
      allow_create_engine: false,
      allow_sampling: true,
      allow_logprobs: true,
      allow_search_indices: false,
      allow_view: true,
      allow_fine_tuning: false,
      organization: "*",
      group: null,
      is_blocking: false,
    }],
  }));
  return { object: "list", data };
}

/** Sends the log as JSON Lines, with the number of dropped entries in a header. */
function sendLog(
  message: IncomingMessage,
  response: ServerResponse,
  log: Log,
): void {
  const query = new URLSearchParams(urlOf(message)[1]);
  const since = Number(query.get("since") ?? 0);
  const session = query.get("session") || undefined;
  response.writeHead(200, {
    "content-type": "application/jsonl",
    "earshot-log-dropped": String(log.dropped),
  });
  Readable.from(jsonLines(log.entries({ since, session }))).pipe(response);
}

/** Joins a thousand lines at a time. */
function* jsonLines(entries: Iterable<LogEntry>): Generator<string> {
  let lines: string[] = [];
  for (const entry of entries) {
    lines.push(JSON.stringify(entry) + "\n");
    if (lines.length < 1000) continue;
    yield lines.join("");
    lines = [];
  }
  if (lines.length > 0) yield lines.join("");
}
