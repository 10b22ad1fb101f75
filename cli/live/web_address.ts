import { UsageError } from "../../core/errors.ts";
import { hostOf, isLoopback } from "../../lib/host.ts";

/** Where the live page is served. */
export interface WebAddress {
  /** Name or address to listen at, an IPv6 address without brackets. */
  readonly hostname: string;
  /** Port; 0 is a free one. */
  readonly port: number;
  /** Whether a free port takes the place of one that is in use: nobody asked for that port. */
  readonly isDefault: boolean;
  /** Whether only this machine can reach it. */
  readonly isLoopback: boolean;
}

/** Always the same where it is free, so that the page of the next run has the same address. */
const DEFAULT_PORT = 8090;

/**
 * Reads the value of `--ui`: a port, `HOST`, `HOST:PORT` or nothing.
 *
 * @throws {UsageError} If it is something else.
 */
export function parseWebAddress(value: string | true): WebAddress {
  const text = value === true ? String(DEFAULT_PORT) : value.trim();
  const [, host, port] = /^\d+$/.test(text)
    ? [text, "127.0.0.1", text]
    : /^(\[.+\]|[^:]+)(?::(\d+))?$/.exec(text) ?? [];
  const origin = `http://${host}:${port ?? DEFAULT_PORT}`;
  const url = host === undefined ? null : URL.parse(origin);
  // A host with a path, a user or a query is not one.
  if (!url || /[/?#@\\]/.test(text)) {
    throw new UsageError(
      `--ui must be a port, or HOST:PORT, but was ${JSON.stringify(value)}`,
    );
  }
  return {
    hostname: hostOf(url),
    port: Number(port ?? DEFAULT_PORT),
    isDefault: value === true || port === undefined,
    isLoopback: isLoopback(url),
  };
}
