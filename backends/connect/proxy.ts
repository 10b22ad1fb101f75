import { UsageError } from "../../plugins/mod.ts";
import { basic } from "./endpoint.ts";

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
