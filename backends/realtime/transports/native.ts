import { errorCode } from "../../connect/failures.ts";
import { relay, type RelayLink } from "./relay.ts";
import {
  badUpgrade,
  CLOSE_GRACE_MS,
  RULE,
  type Socket,
  type SocketListener,
  type Transport,
  type TransportOptions,
  violation,
} from "./transport.ts";

/**
 * Deno's own WebSockets, behind a relay.
 *
 * By itself Deno leaves TCP_NODELAY off, so that anything behind an unacknowledged chunk waits about 40 ms, including
 * the last message of every utterance. It also reports only the status of a refused upgrade, and accepts frames that
 * RFC 6455 forbids: see relay.ts.
 */
export async function nativeTransport(
  options: TransportOptions,
): Promise<Transport> {
  const hop = await relay(options);
  const client = Deno.createHttpClient({
    proxy: { transport: "unix", path: hop.path },
  });
  const open = new Map<Socket, Promise<void>>();
  return {
    connect(listener) {
      const link = hop.link(() => socket.close());
      const socket = new WebSocket(ANYWHERE, {
        protocols: [...options.protocols ?? []],
        headers: { ...options.headers, ...link.headers },
        client,
      });
      const ended = listen(socket, link, listener);
      const ours = socketOf(socket, link, ended);
      open.set(ours, ended.then(() => void open.delete(ours)));
      return ours;
    },
    async [Symbol.asyncDispose]() {
      let limit: ReturnType<typeof setTimeout> | undefined;
      for (const socket of open.keys()) socket.close();
      await Promise.race([
        Promise.all(open.values()),
        // The relay and its folder are removed in any case.
        new Promise((resolve) => limit = setTimeout(resolve, LIMIT_MS)),
      ]);
      clearTimeout(limit);
      client.close();
      await hop[Symbol.asyncDispose]();
    },
  };
}

/** Timeout for closing all sockets, in milliseconds: longer than each of them has. */
const LIMIT_MS = 2 * CLOSE_GRACE_MS;

/**
 * The address that Deno is given; the relay connects to the server. It is not the server's address, as Deno bypasses
 * the relay for any host in NO_PROXY, which usually contains 127.0.0.1. It is not a name, as Deno resolves names before
 * it uses a proxy, and sockets would queue for a slow resolver. So it is an address reserved for documentation (RFC
 * 5737), without TLS, which is the relay's task.
 */
const ANYWHERE = "ws://192.0.2.1/";

function socketOf(
  socket: WebSocket,
  link: RelayLink,
  ended: Promise<void>,
): Socket {
  return {
    bufferedBytes: () => socket.bufferedAmount,
    send: (message) => socket.send(message as string | Uint8Array<ArrayBuffer>),
    close() {
      if (socket.readyState === WebSocket.CONNECTING) {
        // Cutting the link is not enough: the relay may never have accepted it.
        link.cut();
        return socket.close();
      }
      if (socket.readyState !== WebSocket.OPEN) return;
      socket.close(1000);
      const timer = setTimeout(() => link.cut(), CLOSE_GRACE_MS);
      ended.then(() => clearTimeout(timer));
    },
  };
}

/** Passes on the events of a socket. Resolves at its end. */
function listen(
  socket: WebSocket,
  link: RelayLink,
  listener: SocketListener,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let message = "";
  socket.binaryType = "arraybuffer";
  link.arrived = (arrival) => listener.arrived?.(arrival);
  socket.onopen = () => listener.opened(link.upgraded);
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") listener.message(data, false);
    else listener.message(new Uint8Array(data), true);
  };
  socket.onerror = (event) =>
    message ||= event instanceof ErrorEvent ? event.message : "";
  socket.onclose = ({ code, reason }) => {
    // Deno reports 0 if the socket was dropped.
    const end = { code: code || 1006, reason, refusal: link.refusal };
    listener.closed({ ...end, error: errorOf(message, link) });
    link.cut();
    resolve();
  };
  return promise;
}

/** The reason of an end: Deno finds violations in payloads, as the relay reads only headers. */
function errorOf(
  message: string,
  { error, isTaken, isAgreed }: RelayLink,
): Error | undefined {
  const rule = RULES[message];
  if (rule !== undefined) return violation(rule);
  if (isAgreed && /HTTP header/i.test(message)) return badUpgrade(message);
  if (error || message === "") return error;
  const found = new Error(message);
  // The system's code, if the system was the cause.
  const code = errorCode(found);
  if (code !== undefined) return Object.assign(found, { code });
  return isTaken ? found : new Error(`${BYPASSED}: ${message}`);
}

const RULES: Readonly<Record<string, string>> = {
  "Invalid UTF-8": RULE.text,
  "Invalid close code": RULE.close,
  "Invalid close frame": RULE.close,
};

const BYPASSED =
  'Deno did not use the relay (transport "ws" works without it, if NO_PROXY contains 192.0.2.1)';
