import { systemCodeOf } from "../../connect/system_code.ts";
import { relay, type RelayLink } from "./relay.ts";
import {
  badUpgrade,
  CLOSE_GRACE_MS,
  RULE,
  type Socket,
  type SocketEnd,
  type SocketListener,
  type Transport,
  type TransportOptions,
  type Violation,
  violation,
} from "./transport.ts";

/**
 * Deno's own WebSockets, behind a relay.
 *
 * On its own Deno leaves TCP_NODELAY off, so that whatever follows an unacknowledged chunk waits some 40 ms:
 * the final commit of every utterance among them. It also says nothing of a refused upgrade but its status,
 * and it accepts what RFC 6455 forbids: see relay.ts.
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
        // The relay and its folder go in any case.
        new Promise((resolve) => limit = setTimeout(resolve, LIMIT_MS)),
      ]);
      clearTimeout(limit);
      client.close();
      await hop[Symbol.asyncDispose]();
    },
  };
}

/** How long the sockets may take to close together, in milliseconds: longer than any of them is given. */
const LIMIT_MS = 2 * CLOSE_GRACE_MS;

/**
 * What Deno is told to connect to: the relay knows better. Not the server's own address, as Deno goes around the
 * relay to any host that NO_PROXY names, 127.0.0.1 among them as a rule; not a name either, as Deno looks names up
 * before it goes by a proxy, and where that is slow, sockets wait for it in line. So it is an address that is set
 * aside for documents (RFC 5737). And no TLS, as the relay does that.
 */
const ANYWHERE = "ws://192.0.2.1/";

function socketOf(
  socket: WebSocket,
  link: RelayLink,
  ended: Promise<void>,
): Socket {
  return {
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    send: (text) => socket.send(text),
    close() {
      if (socket.readyState === WebSocket.CONNECTING) {
        // Cutting the link is not enough: the relay may never have accepted it.
        link.cut();
        return socket.close();
      }
      if (socket.readyState !== WebSocket.OPEN) return;
      socket.close(1000);
      const timer = setTimeout(link.cut, CLOSE_GRACE_MS);
      ended.then(() => clearTimeout(timer));
    },
  };
}

/** Passes on what happens to a socket. Resolves at its end. */
function listen(
  socket: WebSocket,
  link: RelayLink,
  listener: SocketListener,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let message = "";
  socket.binaryType = "arraybuffer";
  socket.onopen = () => listener.opened();
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") listener.message(data, false);
    else listener.message(new Uint8Array(data), true);
  };
  socket.onerror = (event) =>
    message ||= event instanceof ErrorEvent ? event.message : "";
  socket.onclose = ({ code, reason }) => {
    listener.closed(endOf({ code, reason, message, link }));
    link.cut();
    resolve();
  };
  return promise;
}

function endOf(
  { code, reason, message, link }: {
    code: number;
    reason: string;
    message: string;
    link: RelayLink;
  },
): SocketEnd {
  const { refusal } = link;
  const error = link.error ?? errorOf(message, link);
  const broken = link.violation ?? violationIn(message, link);
  return {
    // Deno says 0 where the socket was dropped.
    code: code || 1006,
    reason,
    ...(error && { error }),
    ...(refusal && { refusal }),
    ...(broken && { violation: broken }),
  };
}

/** What Deno reports, with the system's code where the system was the cause. */
function errorOf(message: string, { isTaken }: RelayLink): Error | undefined {
  if (message === "") return undefined;
  const error = new Error(message);
  const code = systemCodeOf(error);
  if (code !== undefined) return Object.assign(error, { code });
  return isTaken ? error : new Error(`${AROUND}: ${message}`);
}

/** What Deno ends a socket for beside what the relay finds: it reads the payloads, the relay does not. */
function violationIn(
  message: string,
  { isAgreed }: RelayLink,
): Violation | undefined {
  const rule = RULES[message];
  if (rule !== undefined) return violation(rule);
  if (isAgreed && /HTTP header/i.test(message)) return badUpgrade(message);
}

const RULES: Readonly<Record<string, string>> = {
  "Invalid UTF-8": RULE.text,
  "Invalid close code": RULE.close,
  "Invalid close frame": RULE.close,
};

const AROUND =
  'Deno did not come by the relay (transport "ws" does without, if NO_PROXY covers 192.0.2.1)';
