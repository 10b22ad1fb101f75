import { UsageError } from "../../plugins/mod.ts";
import { type Connections, connectionsTo } from "./connections.ts";
import { exchange, type Route } from "./exchange.ts";
import type { Http, HttpOptions } from "./http.ts";
import { proxyFor } from "./proxy.ts";

/**
 * Opens the transport, over the clients of undici.
 *
 * @throws {UsageError} If a header is the transport's own.
 */
export function openHttp(options: HttpOptions): Http {
  const headers = headersOf(options.headers);
  const routes = new WeakMap<URL, Route>();
  const places = new Map<string, Connections>();

  /** A URL is looked at once: it stays what it is. */
  function routeTo(url: URL): Route {
    const known = routes.get(url);
    if (known) return known;
    const proxy = proxyFor(url, options.env);
    const isRelayed = proxy !== undefined && url.protocol === "http:";
    const to = isRelayed ? proxy.url : url;
    const tunnel = isRelayed ? undefined : proxy;
    const { tls, http2 } = options;
    let connections = places.get(to.origin);
    if (!connections) {
      connections = connectionsTo({ url: to, tls, http2, tunnel }, options);
      places.set(to.origin, connections);
    }
    const path = url.pathname + url.search;
    const route = {
      url,
      path: isRelayed ? url.origin + path : path,
      headers: isRelayed
        ? [...headers, ...relayHeaders(url, proxy.authorization)]
        : headers,
      connections,
    };
    routes.set(url, route);
    return route;
  }

  return {
    exchange: (request, call, reader) =>
      exchange(routeTo(request.url), request, { call, reader, options }),
    async [Symbol.asyncDispose]() {
      await Promise.all(
        Array.from(places.values(), (place) => place[Symbol.asyncDispose]()),
      );
    },
  };
}

function relayHeaders(
  { host }: URL,
  authorization: string | undefined,
): string[] {
  return authorization === undefined
    ? ["host", host]
    : ["host", host, "proxy-authorization", authorization];
}

/** Headers that say how a message is framed and its connection kept. */
const OWN = new Set([
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

/** As undici takes them: names and values by turns. */
function headersOf(given: HttpOptions["headers"]): string[] {
  const headers = Object.entries(given).filter(([name]) =>
    name.toLowerCase() !== "content-type"
  );
  for (const [name] of headers) {
    if (!OWN.has(name.toLowerCase())) continue;
    throw new UsageError(
      `Cannot use headers as some are the connection's own: current value is ${name}`,
    );
  }
  const isAsked = headers.some(([name]) =>
    name.toLowerCase() === "accept-encoding"
  );
  return [
    ...headers.flat(),
    ...(isAsked ? [] : ["accept-encoding", "identity"]),
  ];
}
