import type { TlsOptions } from "./tls.ts";
import type { Way } from "./dial.ts";
import { type Env, type Proxy, proxyFor } from "./proxy.ts";

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
