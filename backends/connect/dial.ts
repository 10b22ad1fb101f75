import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { Client } from "undici";
import { type Env, type Proxy, proxyFor } from "./endpoint.ts";
import { connectReason, through } from "./failures.ts";
import { certificateError, type TlsOptions } from "./tls.ts";
import { RequestError } from "../../plugins/mod.ts";

/** Where to connect to, and how. */
export interface Way {
  /** The server, or the proxy that is told whole addresses. */
  readonly url: URL;
  /** How to trust and be trusted. */
  readonly tls: TlsOptions;
  /** Whether HTTP/2 may be spoken over TLS. */
  readonly http2: boolean;
  /** A proxy to tunnel through. */
  readonly tunnel: Proxy | undefined;
}

/** Who hears of a connection: once. */
export type Opened = (...result: [null, Socket] | [Error, null]) => void;

/**
 * Opens a socket, TLS included. Nothing is sent before the server's certificate is accepted, unless any will do. What is
 * returned gives the socket up, however far it has come.
 */
export function dial(way: Way, opened: Opened): () => void {
  if (!way.tunnel) return whenOpen(socketTo(way), way, opened);
  let cancel = dialTunnel(way, way.tunnel, (error, socket) => {
    if (error) return opened(error, null);
    if (way.url.protocol !== "https:") return opened(null, socket);
    cancel = whenOpen(secure(way, { socket }), way, opened);
  });
  return () => cancel();
}

function socketTo(way: Way): Socket {
  const { url } = way;
  const address = { host: hostOf(url), port: portOf(url) };
  return url.protocol === "https:" ? secure(way, address) : connectTcp(address);
}

function secure(
  { url, tls, http2 }: Way,
  to: { socket: Socket } | { host: string; port: number },
): Socket {
  const host = hostOf(url);
  return connectTls({
    ...to,
    ...tls,
    // certificateError rejects it, and says why.
    rejectUnauthorized: false,
    // Whom the certificate must be of. An address is no name to ask for.
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ALPNProtocols: http2 ? ["h2", "http/1.1"] : ["http/1.1"],
  });
}

function whenOpen(
  socket: Socket,
  { url, tls }: Way,
  opened: Opened,
): () => void {
  const isSecure = url.protocol === "https:";
  const event = isSecure ? "secureConnect" : "connect";
  const fail = (error: Error) => {
    forget();
    socket.on("error", () => {}).destroy();
    opened(error, null);
  };
  const close = () => fail(new Error("closed while it was being opened"));
  const open = () => {
    const problem = isSecure && tls.rejectUnauthorized !== false
      ? certificateError(socket as TLSSocket, hostOf(url))
      : undefined;
    if (problem) return fail(problem);
    forget();
    opened(null, socket);
  };
  const forget = () =>
    socket.off("error", fail).off("close", close).off(event, open);
  socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
  socket.on("error", fail).on("close", close).on(event, open);
  return () => void socket.destroy();
}

/** Routers forget connections that are silent for long: after this, the system asks whether the other side is there. */
const KEEP_ALIVE_MS = 60_000;

/** Asks a proxy for a connection to the server: once, over a socket of its own. */
function dialTunnel(
  { url, tls }: Way,
  proxy: Proxy,
  opened: Opened,
): () => void {
  const way = { url: proxy.url, tls, http2: false, tunnel: undefined };
  let cancel = dial(way, (error, socket) => {
    if (error) return opened(error, null);
    cancel = askForTunnel(socket, url, proxy, opened);
  });
  return () => cancel();
}

function askForTunnel(
  socket: Socket,
  url: URL,
  proxy: Proxy,
  opened: Opened,
): () => void {
  const authority = `${url.hostname}:${portOf(url)}`;
  const { authorization } = proxy;
  const client = clientOn(socket, proxy.url);
  client.connect({
    path: authority,
    headers: {
      host: authority,
      ...(authorization !== undefined &&
        { "proxy-authorization": authorization }),
    },
  }).then(({ statusCode, socket }) => {
    if (statusCode >= 200 && statusCode < 300) {
      return opened(null, socket as Socket);
    }
    socket.on("error", () => {}).destroy();
    opened(refused(proxy, statusCode), null);
  }, (cause) => {
    client.destroy(() => {});
    opened(failed(proxy, cause), null);
  });
  return () => client.destroy(() => {});
}

/** Not as undici says it: where it is told its own words, it opens another socket, at once and without end. */
function failed(proxy: Proxy, cause: Error): RequestError {
  const { words, code } = connectReason(cause, { proxy });
  const message = `Cannot connect${through(proxy)}: ${words}`;
  return new RequestError("connect_error", message, { code, cause });
}

function refused({ url }: Proxy, status: number): RequestError {
  const hint = status === 407
    ? " (it wants a user and a password in its URL)"
    : "";
  return new RequestError(
    "connect_error",
    `Cannot connect as the proxy ${url.host} must let through to the server: its answer is HTTP ${status}${hint}`,
    { code: String(status) },
  );
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

function portOf({ port, protocol }: URL): number {
  return Number(port || (protocol === "https:" ? 443 : 80));
}

/**
 * An HTTP client for one open socket. By itself undici opens another socket where one is lost, or could not be had for
 * some reasons, at once and as often as that happens: here what is sent then fails.
 */
export function clientOn(
  socket: Socket,
  { origin }: URL,
  options: Client.Options = {},
): Client {
  let unused: Socket | undefined = socket;
  return new Client(origin, {
    headersTimeout: 0,
    bodyTimeout: 0,
    ...options,
    connect(_options, callback) {
      const given = unused;
      unused = undefined;
      // Undici does not expect an answer at once.
      queueMicrotask(() => {
        if (given) callback(null, given);
        else callback(new Error("the connection is closed"), null);
      });
    },
  });
}

/** How a request comes to its server: straight, or by a proxy. */
export interface Road {
  /** Where to connect to. */
  readonly way: Way;
  /** What the first line of a request says. */
  readonly path: string;
  /** What a request says to the proxy: names and values by turns. */
  readonly headers: readonly string[];
  /** What stands between. */
  readonly proxy: Proxy | undefined;
}

/**
 * Finds the way to a URL: a proxy is asked for a server of http by its whole address, and for a tunnel to one of
 * https.
 *
 * @throws {UsageError} If the environment names a proxy that is none.
 */
export function roadTo(
  url: URL,
  { tls, http2, env }: { tls: TlsOptions; http2: boolean; env: Env },
): Road {
  const proxy = proxyFor(url, env);
  const path = url.pathname + url.search;
  if (!proxy || url.protocol === "https:") {
    const way = { url, tls, http2, tunnel: proxy };
    return { way, path, headers: [], proxy };
  }
  const { authorization } = proxy;
  return {
    way: { url: proxy.url, tls, http2, tunnel: undefined },
    path: url.origin + path,
    headers: [
      "host",
      url.host,
      ...(authorization === undefined
        ? []
        : ["proxy-authorization", authorization]),
    ],
    proxy,
  };
}
