import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { ServerClock } from "../clock.ts";
import { connect, type Connection, type Protocol } from "./connection.ts";
import type { Fault } from "../faults.ts";
import { randomHex } from "../ids.ts";
import { requestOf } from "../http/listen.ts";
import type { Log } from "../log.ts";
import type { SessionOptions } from "../options.ts";
import { type Random, random } from "../random.ts";
import { sessionOptions } from "../session_options.ts";
import { createWebSocketServer, type WebSocket } from "./web_socket.ts";

/** What WebSocket upgrades need to know. */
export interface UpgradeHost {
  /** Which protocol a path speaks. */
  readonly routes: Readonly<
    Record<string, (connection: Connection) => Protocol>
  >;
  readonly isAuthorized: (request: Request) => boolean;
  readonly options: SessionOptions;
  readonly seed: number;
  readonly ids: Random;
  readonly maxFrameBytes: number;
  readonly deflate: boolean;
  readonly clock: ServerClock;
  readonly log: Log;
}

/** Takes upgrades, and closes what it took. */
export interface Upgrades {
  take(message: IncomingMessage, socket: Socket, head: Uint8Array): void;
  /** Closes every connection with 1012. */
  close(): Promise<void>;
}

/** The WebSocket side of a server. */
export function createUpgrades(host: UpgradeHost): Upgrades {
  const { clock, log, maxFrameBytes, seed } = host;
  const server = createWebSocketServer({
    maxPayload: maxFrameBytes,
    perMessageDeflate: host.deflate,
  });

  function refusal(request: Request): Refusal | undefined {
    if (!host.isAuthorized(request)) {
      return { status: 401, body: '{"error":"Unauthorized"}' };
    }
    if (!host.routes[new URL(request.url).pathname]) {
      return { status: 403, body: "" };
    }
    return undefined;
  }

  function take(
    message: IncomingMessage,
    socket: Socket,
    head: Uint8Array,
  ): void {
    socket.on("error", () => socket.destroy());
    const request = readRequest(message);
    if (!request) return refuse(socket, { status: 400, body: "" });
    const id = `sess-${randomHex(host.ids)}`;
    const chance = (purpose: string) => random(seed, `${id} ${purpose}`);
    const refused = (problem: Refusal) => {
      refuse(socket, problem);
      const type = `refused ${problem.status}`;
      const bytes = problem.body.length;
      log.add({
        atMs: clock.now(),
        session: id,
        direction: "out",
        type,
        bytes,
      });
    };
    const problem = refusal(request);
    if (problem) return refused(problem);
    const options = sessionOptions(request, host.options);
    if (typeof options === "string") {
      return refused({ status: 400, body: options });
    }
    const share = chance("faults");
    const faults = options.faults.filter((fault) =>
      share() < (fault.share ?? 1)
    );
    const parts = { id, socket, options, faults, clock, log, random: chance };
    const open = host.routes[new URL(request.url).pathname]!;
    atAccept(parts, () => {
      if (socket.destroyed) return;
      const fault = faults.find((fault) => fault.do === "refuse");
      if (fault?.do === "refuse") return refused(fault);
      const opened = (webSocket: WebSocket) => {
        socket.setNoDelay(true);
        explainTooBig(webSocket, maxFrameBytes);
        connect({ ...parts, webSocket }, open);
      };
      const atMs = clock.now();
      log.add({
        atMs,
        session: id,
        direction: "note",
        type: "accepted",
        bytes: 0,
      });
      server.handleUpgrade(message, socket, { head, opened });
    });
  }

  return {
    take,
    close() {
      for (const webSocket of server.clients) webSocket.close(1012, "");
      return allClosed(server.clients, clock);
    },
  };
}

/** The request, if its address can be read. */
function readRequest(message: IncomingMessage): Request | undefined {
  try {
    return requestOf(message);
  } catch {
    return undefined;
  }
}

/** Does what was set for the time before the upgrade's answer. */
function atAccept(
  { options, faults, socket, clock }: {
    options: SessionOptions;
    faults: readonly Fault[];
    socket: Socket;
    clock: ServerClock;
  },
  accept: () => void,
): void {
  let waitMs = options.acceptDelayMs;
  for (const fault of faults) {
    if (fault.at !== "accept") continue;
    if (fault.do === "drop") return void socket.destroy();
    if (fault.do === "stall") waitMs += fault.ms ?? Infinity;
  }
  if (waitMs <= 0) accept();
  else if (waitMs < Infinity) clock.at(clock.now() + waitMs, accept);
}

interface Refusal {
  readonly status: number;
  readonly body: string;
}

/** Answers an upgrade with an ordinary response. */
function refuse(socket: Socket, { status, body }: Refusal): void {
  const isJson = body.startsWith("{") || body.startsWith("[");
  const bytes = new TextEncoder().encode(body);
  const head = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? "Refused"}`,
    `Content-Length: ${bytes.length}`,
    `Content-Type: ${
      isJson ? "application/json" : "text/plain; charset=utf-8"
    }`,
    "Connection: close",
    "",
    "",
  ];
  socket.write(head.join("\r\n"));
  socket.end(bytes);
}

const REASONS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** Gives the close frame for an oversized message the reason that the real server gives. */
function explainTooBig(webSocket: WebSocket, maxFrameBytes: number): void {
  const close = webSocket.close.bind(webSocket);
  webSocket.close = (code, reason) =>
    close(
      code,
      code === 1009 ? `frame exceeds limit of ${maxFrameBytes} bytes` : reason,
    );
}

/** Waits until all are closed; ends those that do not answer in time. */
function allClosed(
  webSockets: ReadonlySet<WebSocket>,
  clock: ServerClock,
): Promise<void> {
  return new Promise((resolve) => {
    if (webSockets.size === 0) return resolve();
    const cancel = clock.at(clock.now() + CLOSE_GRACE_MS, () => {
      for (const webSocket of webSockets) webSocket.terminate();
    });
    let open = webSockets.size;
    for (const webSocket of webSockets) {
      webSocket.once("close", () => {
        if (--open > 0) return;
        cancel();
        resolve();
      });
    }
  });
}

const CLOSE_GRACE_MS = 300;
