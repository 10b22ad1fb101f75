// Needed only while Deno's WebSocket leaves TCP_NODELAY off: once `Deno.createHttpClient` takes `noDelay`
// (denoland/deno#35581) in a release, and `new WebSocket` heeds it, this file may be deleted, and native.ts can
// hand the TLS options to the client itself. The body of a refused upgrade is then no longer to be had.
import { Buffer } from "node:buffer";
import {
  connect as connectTcp,
  createServer,
  isIP,
  type Socket,
} from "node:net";
import { connect as connectTls } from "node:tls";
import { join } from "node:path";
import {
  bodyStart,
  headerOf,
  isWhole,
  statusOf,
  unframed,
  withHeader,
} from "./http_head.ts";
import {
  hostOf,
  portOf,
  type Refusal,
  REFUSAL_BODY_BYTES,
  REFUSAL_BODY_MS,
  type TransportOptions,
} from "./transport.ts";

/** Passes connections on from a unix socket to a server, and each write at once. */
export interface Relay extends AsyncDisposable {
  /** Where it listens. */
  readonly path: string;
  /** Expects one connection. */
  link(): RelayLink;
}

/** One connection through the relay, from before it comes in. */
export interface RelayLink {
  /** Must be among the connection's headers: tells it from others, and goes no further. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the connection has come in. */
  isTaken: boolean;
  /** What the server answered in place of the upgrade. */
  refusal?: Refusal;
  /** Why the server could not be reached, or was lost. */
  error?: Error;
  /** Ends the connection, whether it has come in or not. */
  cut(): void;
}

/** The sockets of a connection: the client's and the server's. */
interface Line {
  readonly link: RelayLink;
  readonly ends: Socket[];
}

const ID = "x-earshot-link";
const MAX_HEAD_BYTES = 64 * 1024;

/** Connections that may wait to be taken in; a unix socket refuses the rest at once. The system may allow fewer. */
const BACKLOG = 65_535;

/** Listens in a private folder, which goes when the relay does. */
export async function relay(target: TransportOptions): Promise<Relay> {
  const folder = await Deno.makeTempDir({ prefix: "earshot-" });
  await Deno.chmod(folder, 0o700);
  const path = join(folder, "relay.sock");
  const lines = new Map<string, Line>();
  let count = 0;
  const server = createServer((near) => void take(near, lines, target));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
      .listen({ path, backlog: BACKLOG }, resolve);
  });

  function link(): RelayLink {
    const id = String(++count);
    const ends: Socket[] = [];
    const link: RelayLink = {
      headers: { [ID]: id },
      isTaken: false,
      cut() {
        lines.delete(id);
        for (const end of ends) end.destroy();
      },
    };
    lines.set(id, { link, ends });
    return link;
  }

  return {
    path,
    link,
    async [Symbol.asyncDispose]() {
      for (const { link } of lines.values()) link.cut();
      await new Promise((resolve) => server.close(resolve));
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Takes a connection in. One that has been cut is unknown by now. */
async function take(
  near: Socket,
  lines: ReadonlyMap<string, Line>,
  target: TransportOptions,
): Promise<void> {
  near.on("error", () => near.destroy());
  const request = await headFrom(near);
  const line = lines.get(headerOf(request?.head ?? "", ID) ?? "");
  if (!request || !line) return void near.destroy();
  line.link.isTaken = true;
  line.ends.push(near);
  try {
    await passOn(near, request, { line, target });
  } catch (error) {
    line.link.error ??= error as Error;
    line.link.cut();
  }
}

/** Sees a connection through to the server, and leaves the two to themselves once they have agreed. */
async function passOn(
  near: Socket,
  request: Opening,
  { line: { link, ends }, target }: { line: Line; target: TransportOptions },
): Promise<void> {
  const far = connect(target);
  ends.push(far);
  tie(near, far, link);
  far.write(forwarded(request.head, target), "latin1");
  if (request.rest.length > 0) far.write(request.rest);
  const response = await headFrom(far);
  if (!response) return;
  if (statusOf(response.head) !== 101) {
    link.refusal = await refusalFrom(far, response);
    return link.cut();
  }
  near.write(response.head, "latin1");
  if (response.rest.length > 0) near.write(response.rest);
  near.pipe(far);
  far.pipe(near);
}

/** @throws {Error} If the certificates cannot be used. */
function connect({ url, tls }: TransportOptions): Socket {
  const address = { host: hostOf(url), port: portOf(url) };
  const far = url.protocol === "wss:"
    ? connectTls({
      ...address,
      ...tls,
      // An address has no name to ask for.
      ...(isIP(address.host) === 0 && { servername: address.host }),
      ALPNProtocols: ["http/1.1"],
    })
    : connectTcp(address);
  far.setNoDelay(true);
  return far;
}

/** What ends one side ends the other; what was read by then still arrives. */
function tie(near: Socket, far: Socket, link: RelayLink): void {
  far.on("error", (error) => {
    link.error ??= error;
    far.destroy();
  });
  far.once("close", () => near.end());
  near.once("close", () => far.destroy());
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

/** Reads until the head is whole, and no further; `undefined` if that does not come. */
function headFrom(socket: Socket): Promise<Opening | undefined> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const at = bodyStart(bytes);
      if (at === undefined && bytes.length < MAX_HEAD_BYTES) return;
      socket.pause().off("data", onData).off("close", onClose);
      if (at === undefined) return resolve(undefined);
      resolve({
        head: bytes.toString("latin1", 0, at),
        rest: bytes.subarray(at),
      });
    };
    const onClose = () => resolve(undefined);
    socket.on("data", onData).once("close", onClose);
  });
}

/** Reads the body of a refusal: as much as is kept, or comes in time. */
function refusalFrom(far: Socket, { head, rest }: Opening): Promise<Refusal> {
  return new Promise((resolve) => {
    let body = rest.toString("latin1");
    const end = () => {
      clearTimeout(timer);
      far.off("data", onData).off("close", end);
      const bytes = Buffer.from(unframed(head, body), "latin1");
      resolve({
        status: statusOf(head),
        body: bytes.toString("utf8", 0, REFUSAL_BODY_BYTES),
      });
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
