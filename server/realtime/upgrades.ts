import type { Buffer } from "node:buffer";
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { WebSocketServer as UntypedServer } from "ws";
import { createTimers } from "../clock.ts";
import {
  type Context,
  createContext,
  randomHex,
  type ServerHost,
} from "../context.ts";
import { isAuthorized, optionsOf, urlOf } from "../http/listen.ts";
import { SESSION_SETTINGS } from "../settings.ts";
import { createConnection, keepAlive, type WebSocket } from "./connection.ts";
import { vllmRealtime } from "./vllm.ts";

/** A WebSocket server of `ws` that takes upgrades from another server. */
interface WebSocketServer {
  readonly clients: ReadonlySet<WebSocket>;
  /** Calls `closed` once every client has closed. */
  close(closed: () => void): void;
  handleUpgrade(
    message: IncomingMessage,
    socket: Socket,
    head: Uint8Array,
    opened: (webSocket: WebSocket) => void,
  ): void;
}

/** The response to an upgrade that is refused. */
interface Refusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Creates the WebSocket side of a server. */
export function createUpgrades(host: ServerHost) {
  const { clock, options: { maxFrameBytes, deflate } } = host;
  const server: WebSocketServer = new UntypedServer({
    maxPayload: maxFrameBytes,
    perMessageDeflate: deflate,
    noServer: true,
    // Chooses no subprotocol.
    handleProtocols: () => false,
  });

  /** Answers an upgrade. */
  function take(
    message: IncomingMessage,
    socket: Socket,
    head: Uint8Array,
  ): void {
    socket.on("error", () => socket.destroy());
    const id = `sess-${randomHex(host.ids)}`;
    const { options, problem } = optionsOf(
      message,
      host.options,
      SESSION_SETTINGS,
    );
    const session = createContext(host, id, options);
    const refuse = (refusal: Refusal) => {
      respond(socket, refusal);
      const bytes = refusal.body.length;
      session.record("out", `refused ${refusal.status}`, { bytes });
    };
    const refusal = refusalOf(message, host, problem);
    if (refusal) return refuse(refusal);
    whenAccepted(session, socket, () => {
      if (socket.destroyed) return;
      const fault = session.faults.find((fault) => fault.do === "status");
      if (fault) return refuse(fault);
      session.record("note", "accepted");
      server.handleUpgrade(message, socket, head, (webSocket) => {
        socket.setNoDelay(true);
        explainTooBig(webSocket, maxFrameBytes);
        connect(session, socket, webSocket);
      });
    });
  }

  return {
    take,
    /** Closes every connection with 1012, and ends those that do not answer in time. */
    async close(): Promise<void> {
      for (const webSocket of server.clients) webSocket.close(1012, "");
      const cancel = clock.at(clock.now() + CLOSE_GRACE_MS, () => {
        for (const webSocket of server.clients) webSocket.terminate();
      });
      await new Promise<void>((resolve) => server.close(resolve));
      cancel();
    },
  };
}

/** The refusal of an upgrade, if it has no key, another path, or a problem. */
function refusalOf(
  message: IncomingMessage,
  { options }: ServerHost,
  problem: string | undefined,
): Refusal | undefined {
  if (!isAuthorized(message, options)) {
    return { status: 401, body: '{"error":"Unauthorized"}' };
  }
  if (urlOf(message)[0] !== `${options.pathPrefix}/v1/realtime`) {
    return { status: 403, body: "" };
  }
  return problem === undefined ? undefined : { status: 400, body: problem };
}

/** Waits as the options and faults say, and accepts. */
function whenAccepted(
  { options, faults, clock }: Context,
  socket: Socket,
  accept: () => void,
): void {
  let waitMs = options.acceptDelayMs;
  for (const fault of faults) {
    if (fault.at !== "accept") continue;
    if (fault.do === "drop") return void socket.destroy();
    if (fault.do === "stall") waitMs += fault.ms ?? Infinity;
  }
  if (waitMs <= 0) return accept();
  if (waitMs === Infinity) return;
  const timers = createTimers(clock);
  timers.at(clock.now() + waitMs, accept);
  socket.once("close", timers.end);
}

/** Speaks the protocol of `/v1/realtime` over a WebSocket. */
function connect(
  session: Context,
  socket: Socket,
  webSocket: WebSocket,
): void {
  const timers = createTimers(session.clock);
  keepAlive(session, webSocket, timers);
  const protocol = vllmRealtime(
    createConnection(session, socket, webSocket, timers),
  );
  webSocket.on("message", (data: Buffer, isBinary: boolean) => {
    if (isBinary) protocol.binary();
    else protocol.text(data.toString());
  });
  webSocket.on("error", ({ message }: Error) => {
    session.record("note", `error: ${message}`);
  });
  webSocket.on("close", (code: number) => {
    timers.end();
    session.record("note", `closed ${code}`);
    protocol.closed();
  });
}

/** Answers an upgrade with an ordinary response. */
function respond(
  socket: Socket,
  { status, headers = {}, body }: Refusal,
): void {
  const bytes = new TextEncoder().encode(body);
  const type = /^[{[]/.test(body)
    ? "application/json"
    : "text/plain; charset=utf-8";
  const all = {
    "content-length": bytes.length,
    "content-type": type,
    connection: "close",
    ...headers,
  };
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Refused"}`,
    ...Object.entries(all).map((header) => header.join(": ")),
  ];
  socket.write(head.join("\r\n") + "\r\n\r\n");
  socket.end(bytes);
}

/** Gives the close frame for an oversized message the reason that vLLM gives. */
function explainTooBig(webSocket: WebSocket, maxFrameBytes: number): void {
  const close = webSocket.close.bind(webSocket);
  const tooBig = `frame exceeds limit of ${maxFrameBytes} bytes`;
  webSocket.close = (code, reason) =>
    close(code, code === 1009 ? tooBig : reason);
}

const CLOSE_GRACE_MS = 300;
