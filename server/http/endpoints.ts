import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ServerClock } from "../clock.ts";
import { randomHex } from "../ids.ts";
import type { Log } from "../log.ts";
import { type Random, random } from "../random.ts";
import type { Seats } from "../seats.ts";
import { settingsOf } from "../settings.ts";
import type { KnownClip } from "../speech/known_clips.ts";
import { Refusal, refusalJson } from "./refusal.ts";
import { answerId } from "../openai/ids.ts";
import { createExchange, type Exchange } from "./exchange.ts";
import type { ExchangeParts } from "./exchange_body.ts";
import { atAccept } from "./fault_actions.ts";
import { REQUEST_DEFAULTS, type RequestOptions } from "../openai/options.ts";

/** What all requests of a server share. */
export interface EndpointHost {
  readonly models: readonly string[];
  readonly isAuthorized: (
    request: { readonly url: string; readonly headers: Headers },
  ) => boolean;
  readonly options: RequestOptions;
  readonly pathPrefix: string;
  readonly seats: Seats;
  readonly clips: readonly KnownClip[];
  readonly seed: number;
  readonly ids: Random;
  readonly clock: ServerClock;
  readonly log: Log;
}

/** A request as an endpoint sees it. */
export interface Incoming {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
}

/** One path below the server's. */
export interface Endpoint {
  /** What vLLM's ids of its answers begin with. */
  readonly prefix: string;
  /**
   * Answers.
   *
   * @throws {Refusal} The request is not answered.
   */
  handle(
    incoming: Incoming,
    exchange: Exchange,
    host: EndpointHost,
  ): void | Promise<void>;
}

/** Answers what is posted to some paths. */
export interface Endpoints {
  /** A connection was accepted. */
  connected(socket: Socket): void;
  /** Takes a request to one of the paths; returns whether it is one. */
  take(message: IncomingMessage, response: ServerResponse): boolean;
}

/** Endpoints by their paths. */
export function createEndpoints(
  endpoints: Readonly<Record<string, Endpoint>>,
  host: EndpointHost,
): Endpoints {
  const { clock, log, pathPrefix, seed, ids } = host;
  let seen = 0;
  let active = 0;
  const connectedMs = new WeakMap<Socket, number>();

  function serve(
    endpoint: Endpoint,
    message: IncomingMessage,
    response: ServerResponse,
  ): void {
    const request = requestOf(message);
    const read = settingsOf(request, {
      current: host.options,
      known: REQUEST_DEFAULTS,
      of: "requests",
    });
    const problem = typeof read === "string" ? read : undefined;
    const options = typeof read === "string" ? host.options : read.options;
    const id = answerId(endpoint.prefix, {
      digits: randomHex(ids) + randomHex(ids),
      dialect: options.dialect,
      given: message.headers["x-request-id"],
    });
    const chance = (purpose: string) => random(seed, `${id} ${purpose}`);
    const share = chance("faults");
    const faults = options.faults.filter((fault) =>
      share() < (fault.share ?? 1)
    );
    noteConnection(message.socket, id);
    message.socket.setNoDelay(true);
    record(id, "in", { type: `${message.method} ${pathOf(message)}` });
    response.on("error", () => response.destroy());
    receive(message, response, {
      left: () => record(id, "note", { type: "closed early" }),
      received(body) {
        const receivedMs = clock.now();
        record(id, "in", { type: "body", bytes: body.length });
        const parts: ExchangeParts = {
          id,
          message,
          response,
          options,
          faults,
          receivedMs,
          clock,
          log,
          random: chance,
        };
        const exchange = createExchange(parts);
        if (atAccept(parts, exchange)) return;
        if (!host.isAuthorized(request)) return unauthorized(exchange);
        if (problem !== undefined) return badOptions(exchange, problem);
        const contentType = message.headers["content-type"] ?? "";
        run(endpoint, { body, contentType }, exchange);
      },
    });
  }

  function record(
    session: string,
    direction: "in" | "note",
    { type, bytes = 0 }: { type: string; bytes?: number },
  ): void {
    log.add({ atMs: clock.now(), session, direction, type, bytes });
  }

  /** With a connection's first request, so that the log can tell whose it was. */
  function noteConnection(socket: Socket, session: string): void {
    const atMs = connectedMs.get(socket);
    if (atMs === undefined) return;
    connectedMs.delete(socket);
    log.add({ atMs, session, direction: "note", type: "connected", bytes: 0 });
  }

  /** Refuses what is too much. */
  function admit(
    { maxConcurrentRequests, failAfterRequests }: RequestOptions,
  ): void {
    if (maxConcurrentRequests > 0 && active > maxConcurrentRequests) {
      throw new Refusal("The server is at its limit of concurrent requests.", {
        status: 503,
        code: "overloaded",
      });
    }
    if (failAfterRequests > 0 && seen > failAfterRequests) {
      throw new Refusal("The server fails after so many requests, as set.", {
        status: 500,
      });
    }
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
      await endpoint.handle(incoming, exchange, host);
    } catch (cause) {
      const refusal = cause instanceof Refusal
        ? cause
        : new Refusal(String(cause), { status: 500 });
      exchange.answer(refusalJson(refusal, exchange.options.dialect), {
        status: refusal.status,
      });
    }
  }

  function take(message: IncomingMessage, response: ServerResponse): boolean {
    const path = pathOf(message);
    if (!path.startsWith(pathPrefix)) return false;
    const name = path.slice(pathPrefix.length);
    if (!Object.hasOwn(endpoints, name)) return false;
    if (message.method === "POST") serve(endpoints[name]!, message, response);
    else refuseMethod(message, response);
    return true;
  }

  return {
    connected: (socket) => void connectedMs.set(socket, clock.now()),
    take,
  };
}

/** Reads the body; tells of it, or that the client left before its end. */
function receive(
  message: IncomingMessage,
  response: ServerResponse,
  { left, received }: {
    left: () => void;
    received: (body: Uint8Array<ArrayBuffer>) => void;
  },
): void {
  const chunks: Uint8Array[] = [];
  response.once("close", left);
  message.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  message.on("error", () => response.destroy());
  message.on("end", () => {
    if (response.destroyed) return;
    response.off("close", left);
    received(Buffer.concat(chunks));
  });
}

function unauthorized(exchange: Exchange): void {
  exchange.answer('{"error":"Unauthorized"}', { status: 401 });
}

function badOptions(exchange: Exchange, problem: string): void {
  exchange.answer(problem, { status: 400, contentType: "text/plain" });
}

function refuseMethod(
  message: IncomingMessage,
  response: ServerResponse,
): void {
  message.resume();
  const body = '{"detail":"Method Not Allowed"}';
  response.writeHead(405, {
    "content-type": "application/json",
    "content-length": body.length,
    allow: "POST",
  }).end(body);
}

function pathOf({ url = "/" }: IncomingMessage): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

function requestOf(
  message: IncomingMessage,
): { url: string; headers: Headers } {
  const headers = new Headers();
  for (const name of ["authorization", "earshot-options"]) {
    const value = message.headers[name];
    if (typeof value === "string") headers.set(name, value);
  }
  return { url: `http://localhost${message.url}`, headers };
}
