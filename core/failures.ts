/** A limit of this machine that a request met before the server had any part in it. */
export interface ClientLimit {
  /** The limit, for a message about one request. */
  readonly limit: string;
  /** How to avoid it. */
  readonly remedy: string;
}

const MORE_MACHINES = "use fewer streams or more machines";

/** The failures that this machine makes by itself, by their code. */
const CLIENT_LIMITS: ReadonlyMap<string, ClientLimit> = new Map([
  ["EMFILE", {
    limit: "this process may open no more files",
    remedy: "raise its limit of open files (ulimit -n), or use more machines",
  }],
  ["ENFILE", {
    limit: "this machine may open no more files",
    remedy:
      "raise its limit of open files (sysctl fs.file-max), or use more machines",
  }],
  ["EADDRNOTAVAIL", {
    limit: "this machine has no free address or port for another connection",
    remedy:
      "keep connections (reuse=true), widen net.ipv4.ip_local_port_range, or use more machines",
  }],
  ["ENOBUFS", {
    limit: "this machine has no buffer for another connection",
    remedy: MORE_MACHINES,
  }],
  ["ENOMEM", {
    limit: "this machine has no memory for another connection",
    remedy: MORE_MACHINES,
  }],
  ["client_memory", {
    limit: "all requests together reached the memory limit",
    remedy: MORE_MACHINES,
  }],
]);

/** Classes whose code was given by the server: it may be out of files too. */
const SERVER_CODES: ReadonlySet<string> = new Set([
  "server_error",
  "http_error",
]);

/** Whether a failure was made by this machine: the server had no part in it. */
export function isClientMade(
  failure: { readonly class: string; readonly code?: string | undefined },
): boolean {
  return clientLimit(failure.code) !== undefined &&
    !SERVER_CODES.has(failure.class);
}

/** Returns the limit of this machine with a code; `undefined` for any other code. */
export function clientLimit(code: string | undefined): ClientLimit | undefined {
  return code === undefined ? undefined : CLIENT_LIMITS.get(code);
}
