import { UsageError } from "../../plugins/mod.ts";

/** The addresses of one server. */
export interface Endpoint {
  /** Where its WebSocket is. */
  readonly socketUrl: URL;
  /** What `user:password@` in the target comes to. */
  readonly authorization: string | undefined;
  /** The socket's address without what may be secret: for reports. */
  readonly shown: string;
  /** The address of another path, over HTTP. */
  http(path: string): URL;
}

/** Finds the addresses of a server, the prefix and the query of its target kept. */
export function endpointOf(target: string, path: string): Endpoint {
  const base = parseTarget(target);
  if (!base) {
    throw new TypeError(
      `Cannot find a server as its target must be a URL: ${hidden(target)}`,
    );
  }
  const { username, password } = base;
  base.username = base.password = base.hash = "";
  const prefix = prefixOf(base.pathname, path);
  const socketUrl = at(base, prefix + path);
  socketUrl.protocol = isSecure(base) ? "wss:" : "ws:";
  return {
    socketUrl,
    authorization: username || password ? basic(username, password) : undefined,
    shown: `${socketUrl.protocol}//${socketUrl.host}${socketUrl.pathname}`,
    http(path) {
      const url = at(base, prefix + path);
      url.protocol = isSecure(base) ? "https:" : "http:";
      return url;
    },
  };
}

/** A URL that a server may have; `undefined` for any other text. */
export function parseTarget(target: string): URL | undefined {
  const url = URL.parse(target);
  return url && /^(https?|wss?):$/.test(url.protocol) && url.hostname
    ? url
    : undefined;
}

/** A text that should be a URL, without what would be its user, password and query: these may be secret. */
export function hidden(target: string): string {
  return target
    .replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, "$1***@")
    .replace(/[?#].*/s, "?***");
}

/** Whether a text can be the path of a URL, and no more of it. */
export function isHttpPath(path: string): boolean {
  return /^\/[^?#\s]*$/.test(path);
}

/** What a target has before the protocol's own path, if it ends in that or its first part. */
function prefixOf(pathname: string, path: string): string {
  const given = pathname.replace(/(?<!\/)\/+$/, "");
  const version = /^\/v\d+(?=\/)/.exec(path)?.[0];
  for (const tail of [path.replace(/(?<!\/)\/+$/, ""), version]) {
    if (tail && given.endsWith(tail)) return given.slice(0, -tail.length);
  }
  return given;
}

function at(base: URL, path: string): URL {
  const url = new URL(base);
  url.pathname = path;
  return url;
}

function isSecure({ protocol }: URL): boolean {
  return protocol === "https:" || protocol === "wss:";
}

/** The value of an `Authorization` for what stands in a URL. */
export function basic(username: string, password: string): string {
  const pair = `${unescaped(username)}:${unescaped(password)}`;
  return `Basic ${new TextEncoder().encode(pair).toBase64()}`;
}

/** A percent sign that begins no escape stands for itself: passwords are seldom escaped as they should be. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A proxy that stands between. */
export interface Proxy {
  /** Where it is, without user and password. */
  readonly url: URL;
  /** What `user:password@` in its URL comes to. */
  readonly authorization: string | undefined;
  /** The environment variable that names it. */
  readonly variable: string;
}

/** Reads an environment variable. */
export type Env = (name: string) => string | undefined;

/**
 * The proxy that the environment has for a URL: `HTTP_PROXY` or `HTTPS_PROXY`, unless `NO_PROXY` names the host or it is
 * this machine's own. Each counts in lower case too, and first.
 *
 * @throws {UsageError} If it is no http or https URL; what it says is not shown, as it may hold a password.
 */
export function proxyFor(url: URL, env: Env): Proxy | undefined {
  if (isLoopback(url)) return undefined;
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const variable = [name.toLowerCase(), name].find((name) => env(name));
  if (variable === undefined) return undefined;
  if (isExempt(url, env("no_proxy") || env("NO_PROXY") || "")) return undefined;
  const value = env(variable)!;
  const proxy = URL.parse(
    /^[a-z0-9]+:\/\//i.test(value) ? value : `http://${value}`,
  );
  if (!proxy || !/^https?:$/.test(proxy.protocol) || !proxy.hostname) {
    throw new UsageError(
      `Cannot use ${variable} as it must be an http or https URL (NO_PROXY names hosts to go to without one)`,
    );
  }
  const { username, password } = proxy;
  proxy.username = proxy.password = "";
  return {
    url: proxy,
    authorization: username || password ? basic(username, password) : undefined,
    variable,
  };
}

/** Whether a server is on this machine: a proxy would only lengthen the way, or come to another machine of that name. */
function isLoopback({ hostname }: URL): boolean {
  return /^(.+\.)?localhost\.?$|^127(\.\d+){3}$|^\[::1\]$/.test(hostname);
}

/** Whether a list of hosts, as `localhost, .example.org:8000, 10.0.0.7` or `*`, has a URL's. */
function isExempt(url: URL, list: string): boolean {
  const host = bare(url.hostname);
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list.split(/[\s,]+/).filter(Boolean).some((entry) => {
    if (entry === "*") return true;
    const [, name = "", only] = /^(.*?)(?::(\d+))?$/.exec(unbracketed(entry))!;
    if (only !== undefined && only !== port) return false;
    const suffix = bare(name).replace(/^\*?\./, "");
    return host === suffix || host.endsWith(`.${suffix}`);
  });
}

/** An IPv6 address has colons that are no port's. */
function unbracketed(entry: string): string {
  return /^[^[]*:[^[]*:/.test(entry) ? `[${entry}]` : entry;
}

function bare(host: string): string {
  return host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
}
