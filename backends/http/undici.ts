import { UsageError } from "../../plugins/mod.ts";
import { type Connections, connectionsTo } from "./connections.ts";
import { exchange, type Route } from "./exchange.ts";
import type { Http, HttpOptions } from "./http.ts";
import { withDefaults } from "./raw_headers.ts";
import { roadTo } from "../connect/road.ts";

/**
 * Opens the transport, over the clients of undici.
 *
 * @throws {UsageError} If a header is the transport's own, or the content type, which is each request's.
 */
export function openHttp(options: HttpOptions): Http {
  const headers = headersOf(options.headers);
  const routes = new WeakMap<URL, Route>();
  const places = new Map<string, Connections>();

  /** A URL is looked at once: it stays what it is. */
  function routeTo(url: URL): Route {
    const known = routes.get(url);
    if (known) return known;
    const { way, path, headers: more, proxy } = roadTo(url, options);
    let connections = places.get(way.url.origin);
    if (!connections) {
      connections = connectionsTo(way, options);
      places.set(way.url.origin, connections);
    }
    const route = {
      url,
      path,
      headers: withDefaults(headers, more),
      connections,
      proxy,
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

/** Headers that say how a message is framed and its connection kept. */
const OWN = new Set([
  "connection",
  "content-length",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** As undici takes them: names and values by turns. */
function headersOf(given: HttpOptions["headers"]): string[] {
  const headers = Object.entries(given);
  for (const [name] of headers) {
    if (name.toLowerCase() === "content-type") {
      throw new UsageError(
        `Cannot use headers as the content type is that of what is sent: current value is ${name}`,
      );
    }
    if (!OWN.has(name.toLowerCase())) continue;
    throw new UsageError(
      `Cannot use headers as some are the connection's own: current value is ${name}`,
    );
  }
  return withDefaults(headers.flat(), ["accept-encoding", "identity"]);
}
