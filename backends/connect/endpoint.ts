import { hostOf, isLoopback, portOf } from "../../lib/host.ts";
import { UsageError } from "../../plugins/mod.ts";

/** The addresses of one server. */
export interface Endpoint {
  /** The value of `Authorization` for the user and password in the target. */
  readonly authorization: string | undefined;
  /** Returns the http or https URL of a path. */
  http(path: string): URL;
  /** Returns the ws or wss URL of a path. */
  socket(path: string): URL;
}

/** Returns the addresses of a server. The prefix and the query of its target are kept. */
export function endpointOf(target: string, path: string): Endpoint {
  const base = parseTarget(target);
  if (!base) {
    throw new TypeError(`target must be a URL, but was ${hidden(target)}`);
  }
  const { username, password } = base;
  base.username = base.password = base.hash = "";
  const isSecure = /^(https|wss):$/.test(base.protocol);
  const prefix = prefixOf(base.pathname, path);
  const at = (scheme: string, path: string) => {
    const url = new URL(base);
    url.pathname = prefix + path;
    url.protocol = isSecure ? `${scheme}s:` : `${scheme}:`;
    return url;
  };
  return {
    authorization: username || password ? basic(username, password) : undefined,
    http: (path) => at("http", path),
    socket: (path) => at("ws", path),
  };
}

/** An address without its query, which may be secret. */
export function shownAddress({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`;
}

/** Parses a target; `undefined` unless it is an http, https, ws or wss URL. */
export function parseTarget(target: string): URL | undefined {
  const url = URL.parse(target);
  return url && /^(https?|wss?):$/.test(url.protocol) && url.hostname
    ? url
    : undefined;
}

/** A text that should be a URL, with the parts hidden that would be its user, password and query. */
export function hidden(target: string): string {
  return target
    .replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, "$1***@")
    .replace(/[?#].*/s, "?***");
}

/** Whether a text is the path of a URL and nothing more. */
export function isHttpPath(path: string): boolean {
  return /^\/[^?#\s]*$/.test(path);
}

/** The part of a target's path in front of the protocol's path, if it ends in that path or in its version. */
function prefixOf(pathname: string, path: string): string {
  const given = pathname.replace(/(?<!\/)\/+$/, "");
  const version = /^\/v\d+(?=\/)/.exec(path)?.[0];
  for (const tail of [path.replace(/(?<!\/)\/+$/, ""), version]) {
    if (tail && given.endsWith(tail)) return given.slice(0, -tail.length);
  }
  return given;
}

/** The value of `Authorization` for a user and a password, as they are written in a URL. */
function basic(username: string, password: string): string {
  const pair = `${unescaped(username)}:${unescaped(password)}`;
  return `Basic ${new TextEncoder().encode(pair).toBase64()}`;
}

/** A percent sign that does not begin an escape is kept: passwords are often not escaped as they should be. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A proxy between the client and a server. */
export interface Proxy {
  /** Its address, without user and password. */
  readonly url: URL;
  /** The value of `Proxy-Authorization` for the user and password in its URL. */
  readonly authorization: string | undefined;
  /** The environment variable that names it. */
  readonly variable: string;
}

/** Reads an environment variable. */
export type Env = (name: string) => string | undefined;

/**
 * The proxy that the environment names for an http or https URL: `HTTP_PROXY` or `HTTPS_PROXY`, unless `NO_PROXY` lists
 * the host or the host is this machine. Variables in lower case are read first.
 *
 * @throws {UsageError} If it is not an http or https URL. Its value is not shown, as it may hold a password.
 */
export function proxyFor(url: URL, env: Env): Proxy | undefined {
  // A proxy is a detour to this machine, or would connect to itself.
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
      `${variable} must be an http or https URL (NO_PROXY lists hosts to connect to directly)`,
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

/** Whether a URL's host is in a list such as `localhost, .example.org:8000, 10.0.0.7` or `*`. */
function isExempt(url: URL, list: string): boolean {
  const host = hostOf(url).toLowerCase();
  const port = portOf(url);
  return list.split(/[\s,]+/).filter(Boolean).some((entry) => {
    if (entry === "*") return true;
    const [, name = "", only] = /^(.*?)(?::(\d+))?$/.exec(bracketed(entry))!;
    if (only !== undefined && Number(only) !== port) return false;
    const suffix = hostOf({ hostname: name.toLowerCase() })
      .replace(/^\*?\./, "");
    return host === suffix || host.endsWith(`.${suffix}`);
  });
}

/** Puts an IPv6 address into brackets: its colons do not separate a port. */
function bracketed(entry: string): string {
  return /^[^[]*:[^[]*:/.test(entry) ? `[${entry}]` : entry;
}
