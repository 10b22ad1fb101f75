// Needed only while Deno's WebSocket leaves TCP_NODELAY off: once `Deno.createHttpClient` accepts `noDelay`
// (denoland/deno#35581) in a release, and `new WebSocket` applies it, native.ts can pass the TLS options to the client
// itself. Without this file the body of a refused upgrade is not available, Deno accepts masked frames and wrong keys,
// nothing limits the size of a message that arrives in fragments, and proxies need another solution.
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { temporaryFolder } from "../../../plugins/mod.ts";
import { arrivalOf } from "../../connect/arrivals.ts";
import type { Arrival } from "../../connect/receive_times.ts";
import { frameGuard } from "./frame_guard.ts";
import {
  dialServer,
  type Refusal,
  type TransportOptions,
} from "./transport.ts";
import {
  headerOf,
  type Opening,
  parseRefusal,
  readRequest,
  readResponse,
  statusOf,
  upgradeProblem,
  withHeader,
} from "./upgrade.ts";

/** Forwards connections from a Unix socket to a server, each write at once. */
export interface Relay extends AsyncDisposable {
  /** Path of the Unix socket. */
  readonly path: string;
  /** Announces one connection. `lost` is called if it can never be accepted. */
  link(lost: () => void): RelayLink;
}

/** One connection through the relay, from before it is accepted. */
export interface RelayLink {
  /** Headers that the connection must have: they identify it and are not forwarded. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the connection was accepted. */
  isTaken: boolean;
  /** Whether the server has accepted the upgrade. */
  isAgreed: boolean;
  /** The server's response instead of the upgrade. */
  refusal?: Refusal;
  /** The reason why the server cannot be reached, was lost or was left. */
  error?: Error;
  /** The client's end, when it was accepted. */
  near?: Deno.UnixConn;
  /** Ends the connection to the server, at any stage. */
  cancel?: () => void;
  /** When the server's answer to the upgrade arrived. */
  upgraded?: Readonly<Arrival> | undefined;
  /** Called for each message from the server, before it is forwarded. */
  arrived?: (arrival: Readonly<Arrival> | undefined) => void;
  /** Called if it can never be accepted. */
  readonly lost: () => void;
  /** Ends the connection, at any stage. */
  cut(): void;
}

const ID = "x-earshot-link";
const READ_BYTES = 64 * 1024;
/** Bytes that may wait for the client before reading from the server pauses. */
const MAX_WAITING_BYTES = 256 * 1024;
/** Pause after a connection that could not be accepted. */
const ACCEPT_PAUSE_MS = 50;

/**
 * Listens in a private folder, which is removed with the relay.
 *
 * It accepts by `Deno.listen`: a server of `node:net` stops accepting, without an error, once the system has refused it
 * a file descriptor.
 */
export async function relay(target: TransportOptions): Promise<Relay> {
  const folder = await temporaryFolder("relay");
  const path = join(folder.path, "relay.sock");
  const listener = Deno.listen({ transport: "unix", path });
  const links = new Map<string, RelayLink>();
  const nears = new Set<Deno.UnixConn>();
  const closing = new AbortController();
  const { signal } = closing;
  let count = 0;
  const accepting = accept();

  function link(lost: () => void): RelayLink {
    const id = String(++count);
    const link: RelayLink = {
      headers: { [ID]: id },
      isTaken: false,
      isAgreed: false,
      lost,
      cut() {
        links.delete(id);
        if (link.near) close(link.near);
        link.cancel?.();
      },
    };
    links.set(id, link);
    return link;
  }

  async function accept(): Promise<void> {
    while (!signal.aborted) {
      try {
        const near = await listener.accept();
        nears.add(near);
        void serve(near, links, target).finally(() => {
          nears.delete(near);
          close(near);
        });
      } catch (error) {
        if (signal.aborted) return;
        refuseAll(error as Error);
        // It ends at once when the relay closes.
        await setTimeout(ACCEPT_PAUSE_MS, undefined, { signal }).catch(
          () => {},
        );
      }
    }
  }

  /** Fails all waiting connections: it is not known which one the system refused, and each would wait for its timeout. */
  function refuseAll(error: Error): void {
    for (const link of [...links.values()]) {
      if (link.isTaken) continue;
      link.error ??= error;
      link.lost();
    }
  }

  return {
    path,
    link,
    async [Symbol.asyncDispose]() {
      closing.abort();
      for (const link of links.values()) link.cut();
      for (const near of nears) close(near);
      listener.close();
      await accepting;
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Serves a connection until its end. One that was cut before is no longer known. */
async function serve(
  near: Deno.UnixConn,
  links: ReadonlyMap<string, RelayLink>,
  target: TransportOptions,
): Promise<void> {
  const request = await readRequest(near);
  const link = links.get(headerOf(request?.head ?? "", ID) ?? "");
  if (!request || !link) return;
  link.isTaken = true;
  link.near = near;
  try {
    await forward(near, request, { link, target });
  } catch (error) {
    link.error ??= error as Error;
  } finally {
    link.cancel?.();
  }
}

/** Connects to the server, and copies bytes both ways after it has accepted the upgrade. */
async function forward(
  near: Deno.UnixConn,
  request: Opening,
  { link, target }: { link: RelayLink; target: TransportOptions },
): Promise<void> {
  const far = await connect(link, target);
  far.on("error", (error) => link.error ??= error);
  far.write(forwardedHead(request.head, target), "latin1");
  if (request.rest.length > 0) far.write(request.rest);
  const response = await readResponse(far);
  if (!response) return;
  if (statusOf(response.head) !== 101) {
    link.refusal = await parseRefusal(far, response);
    return;
  }
  const problem = upgradeProblem(response.head, request.head);
  if (problem) throw problem;
  link.isAgreed = true;
  const arrival = arrivalOf(far);
  link.upgraded = arrival && { ...arrival };
  const ended = copyToClient(far, near, response, link);
  await copyToServer(near, far);
  await ended;
}

/** @throws {Error} If the socket cannot be opened or is cancelled. */
function connect(link: RelayLink, target: TransportOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    link.cancel = dialServer(target, (error, socket) => {
      if (error) reject(error);
      else resolve(socket);
    });
  });
}

/** The request for the server. Its first line has the path only: Deno, which sees a proxy, gives the whole address. */
function forwardedHead(
  head: string,
  { url, headers }: TransportOptions,
): string {
  const host = Object.keys(headers).find((name) => /^host$/i.test(name));
  const path = `${url.pathname}${url.search}`;
  const request = head.replace(/^GET \S+ /, () => `GET ${path} `);
  const unmarked = withHeader(request, ID, undefined);
  return withHeader(unmarked, "Host", host ? headers[host] : url.host);
}

/** Copies from the server until it ends or breaks a rule. Bytes before the violation are still delivered. */
function copyToClient(
  far: Socket,
  near: Deno.UnixConn,
  { head, rest }: Opening,
  link: RelayLink,
): Promise<void> {
  const arrival = arrivalOf(far);
  // The system's time is that of the last bytes of a read.
  const guard = frameGuard((bytesBehind) =>
    link.arrived?.(
      arrival && {
        ...arrival,
        errorMs: bytesBehind === 0 ? arrival.errorMs : undefined,
      },
    )
  );
  const waiting: Uint8Array[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  let waitingBytes = 0;
  let isWriting = false;
  let isOver = false;

  function put(bytes: Uint8Array): void {
    waiting.push(bytes);
    waitingBytes += bytes.length;
    if (waitingBytes > MAX_WAITING_BYTES) far.pause();
    if (!isWriting) void write();
  }

  async function write(): Promise<void> {
    isWriting = true;
    try {
      for (let bytes = waiting.shift(); bytes; bytes = waiting.shift()) {
        for (let at = 0; at < bytes.length;) {
          at += await near.write(at === 0 ? bytes : bytes.subarray(at));
        }
        waitingBytes -= bytes.length;
        if (far.isPaused() && waitingBytes <= MAX_WAITING_BYTES) far.resume();
      }
      if (isOver) await near.closeWrite();
    } catch {
      far.destroy(); // the client is gone
    }
    isWriting = false;
    if (isOver) resolve();
  }

  function onData(bytes: Uint8Array): void {
    const breach = guard(bytes);
    if (!breach) return put(bytes);
    link.error = breach.violation;
    far.off("data", onData).destroy();
    if (breach.at > 0) put(bytes.subarray(0, breach.at));
  }

  function onClose(): void {
    isOver = true;
    if (!isWriting) void write();
  }

  put(Buffer.from(head, "latin1"));
  far.on("data", onData).once("close", onClose);
  if (rest.length > 0) onData(rest);
  far.resume();
  return promise;
}

/** Copies from the client until it ends. */
async function copyToServer(near: Deno.UnixConn, far: Socket): Promise<void> {
  let wake = () => {};
  far.on("drain", () => wake()).on("close", () => wake());
  const buffer = new Uint8Array(READ_BYTES);
  try {
    for (let count; (count = await near.read(buffer)) !== null;) {
      // A copy, as a full socket keeps the bytes.
      const hasRoom = far.write(Buffer.from(buffer.subarray(0, count)));
      if (!hasRoom && !far.destroyed) {
        await new Promise<void>((resolve) => wake = resolve);
      }
    }
  } catch {
    // The connection was cut.
  }
  far.end();
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}
