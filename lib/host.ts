/** Reports whether a URL names this machine. */
export function isLoopback({ hostname }: Pick<URL, "hostname">): boolean {
  return /^(.+\.)?localhost\.?$|^127(\.\d+){3}$|^\[::1\]$/i.test(hostname);
}

/** Returns the host of a URL as sockets expect it: an IPv6 address without its brackets. */
export function hostOf({ hostname }: Pick<URL, "hostname">): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

/** Returns the port of an http, https, ws or wss URL. */
export function portOf(
  { port, protocol }: Pick<URL, "port" | "protocol">,
): number {
  return Number(port || (/^(https|wss):$/.test(protocol) ? 443 : 80));
}
