// Needed only while Deno's WebSocket leaves TCP_NODELAY off: once `Deno.createHttpClient` takes `noDelay`
// (denoland/deno#35581) in a release, and `new WebSocket` heeds it, native.ts can hand the TLS options to the client
// itself. Without this file the body of a refused upgrade is not available, Deno accepts masked frames and wrong keys,
// and nothing limits the size of a message that comes in fragments.
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { join } from "node:path";
import { frameGuard } from "./frame_guard.ts";
import {
  dialServer,
  type Refusal,
  REFUSAL_BODY_BYTES,
  REFUSAL_BODY_MS,
  refusalBody,
  type TransportOptions,
  type Violation,
} from "./transport.ts";
import {
  bodyStart,
  headerOf,
  headProblem,
  isWhole,
  startProblem,
  statusOf,
  unframed,
  upgradeProblem,
  withHeader,
} from "./upgrade.ts";
import { onAbort, temporaryFolder } from "../../../plugins/mod.ts";

/** Passes connections on from a unix socket to a server, and each write at once. */
export interface Relay extends AsyncDisposable {
  /** Where it listens. */
  readonly path: string;
  /** Expects one connection. `lost` is called if it can never be accepted. */
  link(lost: () => void): RelayLink;
}

/** One connection through the relay, from before it comes in. */
export interface RelayLink {
  /** Must be among the connection's headers: tells it from others, and goes no further. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the connection has come in. */
  isTaken: boolean;
  /** Whether the server has agreed to the upgrade. */
  isAgreed: boolean;
  /** What the server answered in place of the upgrade. */
  refusal?: Refusal;
  /** Why the server could not be reached, or was lost. */
  error?: Error;
  /** Why the relay ended the connection. */
  violation?: Violation | undefined;
  /** Ends the connection, whether it has come in or not. */
  cut(): void;
}

/** A connection and its two ends, as far as they exist. */
interface Line {
  readonly link: RelayLink;
  readonly lost: () => void;
  near?: Deno.UnixConn;
  /** Ends the connection to the server, however far it has come. */
  giveUp?: () => void;
}

const ID = "x-earshot-link";
const MAX_HEAD_BYTES = 64 * 1024;
const READ_BYTES = 64 * 1024;
/** Bytes for the client that may wait before the server is read no further. */
const MAX_WAITING_BYTES = 256 * 1024;
/** How long no connection is accepted after one could not be. */
const ACCEPT_PAUSE_MS = 50;

/**
 * Listens in a private folder, which goes when the relay does.
 *
 * It accepts with `Deno.listen`: a server of `node:net` accepts nothing more, and reports nothing, once the system has
 * refused it a file descriptor.
 */
export async function relay(target: TransportOptions): Promise<Relay> {
  const folder = await temporaryFolder("relay");
  const path = join(folder.path, "relay.sock");
  const listener = Deno.listen({ transport: "unix", path });
  const lines = new Map<string, Line>();
  const nears = new Set<Deno.UnixConn>();
  const closing = new AbortController();
  let count = 0;
  const accepting = accept();

  function link(lost: () => void): RelayLink {
    const id = String(++count);
    const line: Line = {
      lost,
      link: {
        headers: { [ID]: id },
        isTaken: false,
        isAgreed: false,
        cut() {
          lines.delete(id);
          if (line.near) shut(line.near);
          line.giveUp?.();
        },
      },
    };
    lines.set(id, line);
    return line.link;
  }

  async function accept(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        const near = await listener.accept();
        nears.add(near);
        void take(near, lines, target).finally(() => {
          nears.delete(near);
          shut(near);
        });
      } catch (error) {
        if (closing.signal.aborted) return;
        refuseAll(error as Error);
        await pause(ACCEPT_PAUSE_MS, closing.signal);
      }
    }
  }

  /** Nobody can say which of them the system refused, and each would wait for its time limit. */
  function refuseAll(error: Error): void {
    for (const { link, lost } of [...lines.values()]) {
      if (link.isTaken) continue;
      link.error ??= error;
      lost();
    }
  }

  return {
    path,
    link,
    async [Symbol.asyncDispose]() {
      closing.abort();
      for (const { link } of lines.values()) link.cut();
      for (const near of nears) shut(near);
      listener.close();
      await accepting;
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Sees a connection through to its end. One that has been cut is unknown by now. */
async function take(
  near: Deno.UnixConn,
  lines: ReadonlyMap<string, Line>,
  target: TransportOptions,
): Promise<void> {
  const request = await requestFrom(near);
  const line = lines.get(headerOf(request?.head ?? "", ID) ?? "");
  if (!request || !line) return;
  line.link.isTaken = true;
  line.near = near;
  try {
    await passOn(near, request, { line, target });
  } catch (error) {
    line.link.error ??= error as Error;
  } finally {
    line.giveUp?.();
  }
}

/** Opens the connection to the server, and carries bytes both ways once the two have agreed. */
async function passOn(
  near: Deno.UnixConn,
  request: Opening,
  { line, target }: { line: Line; target: TransportOptions },
): Promise<void> {
  const { link } = line;
  const far = await connect(line, target);
  far.on("error", (error) => link.error ??= error);
  far.write(forwarded(request.head, target), "latin1");
  if (request.rest.length > 0) far.write(request.rest);
  const response = await responseFrom(far);
  if (!response) return;
  link.violation = headProblem(response.head);
  if (link.violation) return;
  if (statusOf(response.head) !== 101) {
    link.refusal = await refusalFrom(far, response);
    return;
  }
  link.violation = upgradeProblem(response.head, request.head);
  if (link.violation) return;
  link.isAgreed = true;
  const ended = toClient(far, near, response, link);
  await toServer(near, far);
  await ended;
}

/** Carries what the server sends, until it ends or breaks a rule. What came before that still arrives. */
function toClient(
  far: Socket,
  near: Deno.UnixConn,
  { head, rest }: Opening,
  link: RelayLink,
): Promise<void> {
  const guard = frameGuard();
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

  function take(bytes: Uint8Array): void {
    const breach = guard.read(bytes);
    if (!breach) return put(bytes);
    link.violation = breach.violation;
    far.off("data", take).destroy();
    if (breach.at > 0) put(bytes.subarray(0, breach.at));
  }

  function over(): void {
    isOver = true;
    if (!isWriting) void write();
  }

  put(Buffer.from(head, "latin1"));
  far.on("data", take).once("close", over);
  if (rest.length > 0) take(rest);
  far.resume();
  return promise;
}

/** Carries what the client sends, until it ends. */
async function toServer(near: Deno.UnixConn, far: Socket): Promise<void> {
  let wake = () => {};
  far.on("drain", () => wake()).on("close", () => wake());
  const buffer = new Uint8Array(READ_BYTES);
  try {
    for (let count; (count = await near.read(buffer)) !== null;) {
      // A copy: a socket that is full keeps what it is given.
      const isTaken = far.write(Buffer.from(buffer.subarray(0, count)));
      if (!isTaken && !far.destroyed) {
        await new Promise<void>((resolve) => wake = resolve);
      }
    }
  } catch {
    // It was cut.
  }
  far.end();
}

function shut(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}

/** Waits, or until the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    onAbort(signal, () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** @throws {Error} If the socket cannot be opened, or is given up before. */
function connect(line: Line, target: TransportOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    line.giveUp = dialServer(target, (error, socket) => {
      if (error) reject(error);
      else resolve(socket);
    });
  });
}

/**
 * The request as the server is to see it: a proxy is given the whole address in the first line, which servers
 * take for a path that they do not have.
 */
function forwarded(head: string, { url, headers }: TransportOptions): string {
  const host = Object.keys(headers).find((name) => /^host$/i.test(name));
  const path = `${url.pathname}${url.search}`;
  const request = head.replace(/^GET \S+ /, () => `GET ${path} `);
  const unmarked = withHeader(request, ID, undefined);
  return withHeader(unmarked, "Host", host ? headers[host] : url.host);
}

/** The first bytes of a connection, up to and with the end of a head. */
interface Opening {
  /** In Latin-1, with the empty line. */
  readonly head: string;
  /** What came behind it. */
  readonly rest: Buffer;
}

/** Reads the client's head; `undefined` if it does not come whole. */
async function requestFrom(near: Deno.Conn): Promise<Opening | undefined> {
  const buffer = new Uint8Array(READ_BYTES);
  let bytes = Buffer.alloc(0);
  while (bytes.length < MAX_HEAD_BYTES) {
    const count = await near.read(buffer).catch(() => null);
    if (count === null) return undefined;
    bytes = Buffer.concat([bytes, buffer.subarray(0, count)]);
    const opening = openingOf(bytes);
    if (opening) return opening;
  }
}

/** Reads the server's head, and no further, or as much as shows that it is none; `undefined` if the server ends before. */
function responseFrom(far: Socket): Promise<Opening | undefined> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const opening = openingOf(bytes);
      const head = opening?.head ?? bytes.toString("latin1");
      const isHopeless = bytes.length >= MAX_HEAD_BYTES || startProblem(head);
      if (!opening && !isHopeless) return;
      far.pause().off("data", onData).off("close", onClose);
      resolve(opening ?? { head, rest: NO_BYTES });
    };
    const onClose = () => resolve(undefined);
    far.on("data", onData).once("close", onClose);
  });
}

const NO_BYTES = Buffer.alloc(0);

function openingOf(bytes: Buffer): Opening | undefined {
  const at = bodyStart(bytes);
  if (at === undefined) return undefined;
  return { head: bytes.toString("latin1", 0, at), rest: bytes.subarray(at) };
}

/** Reads the body of a refusal: as much as is kept, or comes in time. */
function refusalFrom(far: Socket, { head, rest }: Opening): Promise<Refusal> {
  return new Promise((resolve) => {
    let body = rest.toString("latin1");
    const end = () => {
      clearTimeout(timer);
      far.off("data", onData).off("close", end);
      const bytes = Buffer.from(unframed(head, body), "latin1");
      const encoding = headerOf(head, "content-encoding");
      resolve({ status: statusOf(head), body: refusalBody(bytes, encoding) });
    };
    const onData = (chunk?: Buffer) => {
      body += chunk?.toString("latin1") ?? "";
      if (isWhole(head, body) || body.length >= 2 * REFUSAL_BODY_BYTES) end();
    };
    const timer = setTimeout(end, REFUSAL_BODY_MS);
    far.on("data", onData).once("close", end).resume();
    onData();
  });
}
