import type { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import WebSocket from "ws";
import type { RequestError, SocketMessage } from "../../../plugins/mod.ts";
import type { DialCallback } from "../../connect/dial.ts";
import { errorCode } from "../../connect/failures.ts";
import {
  badUpgrade,
  CLOSE_GRACE_MS,
  dialServer,
  MAX_MESSAGE_BYTES,
  MAX_MESSAGE_FRAGMENTS,
  readRefusal,
  type Refusal,
  RULE,
  type Socket,
  type SocketListener,
  tooLarge,
  type Transport,
  type TransportOptions,
  violation,
} from "./transport.ts";

/** WebSockets of the npm package `ws`: least CPU time per message, and no Unix socket needed. */
export function wsTransport(options: TransportOptions): Transport {
  const { url, headers, protocols = [] } = options;
  const open = new Map<Socket, Promise<void>>();
  return {
    connect(listener) {
      let cancelDial = () => {};
      const socket = new WebSocket(url, [...protocols], {
        headers,
        createConnection(_: unknown, done: DialCallback) {
          cancelDial = dialServer(options, done);
        },
        perMessageDeflate: false,
        autoPong: false,
        maxPayload: MAX_MESSAGE_BYTES,
        maxFragments: MAX_MESSAGE_FRAGMENTS,
        closeTimeout: CLOSE_GRACE_MS,
        followRedirects: false,
      }) as WsSocket;
      const ours: Socket = {
        bufferedBytes: () => socket.bufferedAmount,
        send: (message) => socket.send(message),
        close: () => socket.close(1000),
      };
      open.set(
        ours,
        listen(socket, listener).then(() => {
          cancelDial();
          open.delete(ours);
        }),
      );
      return ours;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open.keys()) socket.close();
      await Promise.all(open.values());
    },
  };
}

/** Passes on the events of a socket. Resolves at its end. */
function listen(socket: WsSocket, listener: SocketListener): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let error: Error | undefined;
  let refusal: Refusal | undefined;
  // dial() sets TCP_NODELAY: without it, each chunk behind an unacknowledged one waits 40 ms.
  socket.on("open", () => listener.opened());
  socket.on("message", (data: Uint8Array, binary: boolean) => {
    listener.message(data, binary);
  });
  socket.on("ping", pongsOf(socket));
  socket.on("error", (cause: Error) => error ??= cause);
  socket.on("unexpected-response", async (_, response: IncomingMessage) => {
    refusal = await readRefusal(response);
    socket.terminate();
  });
  socket.on("close", (code: number, reason: Buffer) => {
    const found = error && (violationOf(error) ?? error);
    listener.closed({ code, reason: reason.toString(), error: found, refusal });
    resolve();
  });
  return promise;
}

/**
 * Answers pings; while a pong is being sent, only the last of them, as RFC 6455 (5.5.3) allows. By itself ws answers
 * each, and drops the socket silently when 60 answers are waiting, which one read can cause.
 */
function pongsOf(socket: WsSocket): (data: Uint8Array) => void {
  let isBusy = false;
  let last: Uint8Array | undefined;

  function answer(data: Uint8Array): void {
    isBusy = true;
    last = undefined;
    socket.pong(data, true, (error) => {
      if (error) return; // the socket is closing
      isBusy = false;
      if (last) answer(last);
    });
  }

  return (data) => {
    if (isBusy) last = data;
    else answer(data);
  };
}

/** The server's violation, if ws ended the socket because of one. */
function violationOf(error: Error): RequestError | undefined {
  const code = errorCode(error) ?? "";
  if (TOO_LARGE.has(code)) return tooLarge();
  if (code.startsWith("WS_ERR_")) {
    return violation(
      RULES[code] ?? error.message.replace(/^Invalid WebSocket frame: /, ""),
    );
  }
  const isUpgrade =
    (code.startsWith("HPE_") && code !== "HPE_INVALID_EOF_STATE") ||
    /^(Invalid Upgrade header|Invalid Sec-WebSocket|Server sent )/
      .test(error.message);
  return isUpgrade ? badUpgrade(error.message) : undefined;
}

const TOO_LARGE: ReadonlySet<string> = new Set([
  "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
  "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH",
  "WS_ERR_TOO_MANY_BUFFERED_PARTS",
]);

const RULES: Readonly<Record<string, string>> = {
  WS_ERR_INVALID_UTF8: RULE.text,
  WS_ERR_INVALID_CLOSE_CODE: RULE.close,
  WS_ERR_UNEXPECTED_MASK: RULE.mask,
  WS_ERR_UNEXPECTED_RSV_1: RULE.reservedBits,
  WS_ERR_UNEXPECTED_RSV_2_3: RULE.reservedBits,
  WS_ERR_EXPECTED_FIN: RULE.controlFragment,
};

/** The part of a WebSocket of `ws` that is used. The package has no types. */
interface WsSocket extends EventEmitter {
  readonly bufferedAmount: number;
  send(message: SocketMessage): void;
  pong(data: Uint8Array, mask: boolean, sent: (error?: Error) => void): void;
  close(code: number): void;
  terminate(): void;
}
