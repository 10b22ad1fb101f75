import { UsageError } from "../../plugins/mod.ts";
import { basic } from "./endpoint.ts";

/** A proxy that stands between. */
export interface Proxy {
  /** Where it is, without user and password. */
  readonly url: URL;
  /** What `user:password@` in its URL comes to. */
  readonly authorization: string | undefined;
}

/** Reads an environment variable. */
export type Env = (name: string) => string | undefined;

/**
 * The proxy that the environment has for a URL: `HTTP_PROXY` or `HTTPS_PROXY`, unless `NO_PROXY` names the host.
 * Each counts in lower case too, and first.
 *
 * @throws {UsageError} If it is no http or https URL; what it says is not shown, as it may hold a password.
 */
export function proxyFor(url: URL, env: Env): Proxy | undefined {
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const value = env(name.toLowerCase()) || env(name);
  if (!value) return undefined;
  if (isExempt(url, env("no_proxy") || env("NO_PROXY") || "")) return undefined;
  const proxy = URL.parse(
    /^[a-z0-9]+:\/\//i.test(value) ? value : `http://${value}`,
  );
  if (!proxy || !/^https?:$/.test(proxy.protocol) || !proxy.hostname) {
    throw new UsageError(
      `Cannot use ${name} as it must be an http or https URL (NO_PROXY names hosts to go to without one)`,
    );
  }
  const { username, password } = proxy;
  proxy.username = proxy.password = "";
  return {
    url: proxy,
    authorization: username || password ? basic(username, password) : undefined,
  };
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
