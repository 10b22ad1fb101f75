import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { Client } from "undici";
import { hostOf, portOf } from "../../lib/host.ts";
import { RequestError } from "../../plugins/mod.ts";
import { connectTcp, type TcpAddress } from "./arrivals.ts";
import { type Env, type Proxy, proxyFor } from "./endpoint.ts";
import { connectFailure } from "./failures.ts";
import { certificateError, type TlsOptions } from "./tls.ts";

/** The way of a request to its server: direct or through a proxy. */
export interface Route {
  /** The connection to open. */
  readonly dial: DialOptions;
  /** The target in the first line of the request. */
  readonly path: string;
  /** Headers for the proxy. */
  readonly headers: Readonly<Record<string, string>>;
  /** The proxy, if there is one. */
  readonly proxy: Proxy | undefined;
}

/** Options of {@linkcode routeTo}. */
export interface RouteOptions {
  /** Certificates and keys. */
  readonly tls: TlsOptions;
  /** Whether HTTP/2 may be negotiated over TLS. */
  readonly http2: boolean;
  /** Reads the environment variables that name proxies. */
  readonly env: Env;
}

/**
 * Finds the way to an http or https URL. A proxy forwards requests to http servers, and opens a tunnel to https servers.
 *
 * @throws {UsageError} If the environment's proxy is not valid.
 */
export function routeTo(url: URL, { tls, http2, env }: RouteOptions): Route {
  const proxy = proxyFor(url, env);
  const path = url.pathname + url.search;
  if (!proxy || url.protocol === "https:") {
    const dial = { url, tls, http2, tunnel: proxy };
    return { dial, path, headers: {}, proxy };
  }
  const { authorization } = proxy;
  return {
    dial: { url: proxy.url, tls, http2, tunnel: undefined },
    path: url.origin + path,
    headers: {
      host: url.host,
      ...(authorization && { "proxy-authorization": authorization }),
    },
    proxy,
  };
}

/** A connection to open. */
export interface DialOptions extends Omit<RouteOptions, "env"> {
  /** The http or https URL of the server, or of the proxy that forwards requests. */
  readonly url: URL;
  /** The proxy to tunnel through. */
  readonly tunnel: Proxy | undefined;
}

/** Receives the open socket or the error, once. */
export type DialCallback = (...result: [null, Socket] | [Error, null]) => void;

/**
 * Opens a socket, including TLS. Nothing is sent before the server's certificate is accepted, unless any is. The
 * function returned cancels it at any stage.
 */
export function dial(options: DialOptions, done: DialCallback): () => void {
  const { url, tls, tunnel } = options;
  if (!tunnel) return open(options, connectTcp, done);
  const toProxy = { url: tunnel.url, tls, http2: false, tunnel: undefined };
  // Deno's TLS and undici read such a socket themselves.
  let cancel = open(toProxy, connect, (error, socket) => {
    if (error) return done(error, null);
    cancel = requestTunnel(socket, url, tunnel, (error, socket) => {
      if (error) return done(error, null);
      if (url.protocol !== "https:") return done(null, socket);
      cancel = whenOpen(secure(options, { socket }), options, done);
    });
  });
  return () => cancel();
}

function open(
  options: DialOptions,
  connectSocket: (address: TcpAddress) => Socket,
  done: DialCallback,
): () => void {
  const { url } = options;
  const address = { host: hostOf(url), port: portOf(url) };
  const socket = url.protocol === "https:"
    ? secure(options, address)
    : connectSocket(address);
  return whenOpen(socket, options, done);
}

function secure(
  { url, tls, http2 }: DialOptions,
  to: { socket: Socket } | { host: string; port: number },
): Socket {
  const host = hostOf(url);
  return connectTls({
    ...to,
    ...tls,
    // certificateError rejects it and gives the reason.
    rejectUnauthorized: false,
    // The name that the certificate must have. Server name indication does not allow addresses.
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ALPNProtocols: http2 ? ["h2", "http/1.1"] : ["http/1.1"],
  });
}

/** Calls back when a socket has opened, or cannot. */
function whenOpen(
  socket: Socket,
  { url, tls }: DialOptions,
  done: DialCallback,
): () => void {
  const isSecure = url.protocol === "https:";
  const event = isSecure ? "secureConnect" : "connect";
  const fail = (error: Error) => {
    forget();
    socket.on("error", () => {}).destroy();
    done(error, null);
  };
  const close = () => fail(new Error("closed while it was being opened"));
  const open = () => {
    const problem = isSecure && tls.rejectUnauthorized
      ? certificateError(socket as TLSSocket, hostOf(url))
      : undefined;
    if (problem) return fail(problem);
    forget();
    done(null, socket);
  };
  const forget = () =>
    socket.off("error", fail).off("close", close).off(event, open);
  socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
  socket.on("error", fail).on("close", close).on(event, open);
  return () => void socket.destroy();
}

/** Routers drop connections that are silent for long: after this, the system asks whether the other side is alive. */
const KEEP_ALIVE_MS = 60_000;

/** Asks a proxy once for a connection to the server, over a socket that is used for nothing else. */
function requestTunnel(
  socket: Socket,
  url: URL,
  proxy: Proxy,
  done: DialCallback,
): () => void {
  const authority = `${url.hostname}:${portOf(url)}`;
  const { authorization } = proxy;
  const client = clientOn(socket, proxy.url);
  const cancel = () => void client.destroy().catch(() => {});
  client.connect({
    path: authority,
    headers: {
      host: authority,
      ...(authorization && { "proxy-authorization": authorization }),
    },
  }).then(({ statusCode, socket }) => {
    if (statusCode >= 200 && statusCode < 300) {
      return done(null, socket as Socket);
    }
    socket.on("error", () => {}).destroy();
    done(tunnelRefused(proxy, statusCode), null);
  }, (cause) => {
    cancel();
    // Not undici's own error: on that, undici opens another socket at once, again and again.
    done(connectFailure(cause, { proxy }), null);
  });
  return cancel;
}

function tunnelRefused({ url }: Proxy, status: number): RequestError {
  const hint = status === 407
    ? " (it requires a user and a password in its URL)"
    : "";
  const message =
    `The proxy ${url.host} refused a tunnel to the server: HTTP ${status}${hint}`;
  return new RequestError("connect_error", message, { code: String(status) });
}

/**
 * An HTTP client for one open socket. By itself undici opens another socket, at once and without limit, when one is
 * lost or cannot be opened; here the request fails.
 */
function clientOn(socket: Socket, { origin }: URL): Client {
  let unused: Socket | undefined = socket;
  return new Client(origin, {
    headersTimeout: 0,
    bodyTimeout: 0,
    connect(_options, callback) {
      const given = unused;
      unused = undefined;
      // Undici does not expect to be called back synchronously.
      queueMicrotask(() => {
        if (given) callback(null, given);
        else callback(new Error("the connection is closed"), null);
      });
    },
  });
}
