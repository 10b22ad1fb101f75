import type { Abort } from "../lib/abort.ts";
import { addTo } from "../lib/record.ts";
import { systemCodeOf } from "../lib/system_code.ts";
import { isRequestError, messageOf } from "./errors.ts";
import type { FailureNote } from "./report.ts";
import type { Failure, Outcome } from "./sample.ts";

/** A limit of this machine that made a request fail: the server had no part in it. */
export interface ClientLimit {
  /** The limit, for a message about one request. */
  readonly limit: string;
  /** How to avoid it. */
  readonly remedy: string;
}

const MORE_MACHINES = "use fewer streams or more machines";

/** Limits of this machine, by the code of the failure. */
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

/** Classes whose code is the server's: a server may be out of files too. */
const SERVER_CODES: ReadonlySet<string> = new Set([
  "server_error",
  "http_error",
]);

/** Whether this machine made a failure: the server had no part in it. */
export function isClientMade(
  failure: { readonly class: string; readonly code?: string | undefined },
): boolean {
  return clientLimit(failure.code) !== undefined &&
    !SERVER_CODES.has(failure.class);
}

/** Returns the limit of this machine that a code means; `undefined` for any other code. */
export function clientLimit(code: string | undefined): ClientLimit | undefined {
  return code === undefined ? undefined : CLIENT_LIMITS.get(code);
}

/** Classifies the error of a request. After an abort, its reason is the error. */
export function outcomeOf(
  error: unknown,
  { aborted, reason }: Pick<Abort, "aborted" | "reason">,
): Outcome {
  const failure = failureOf(aborted ? reason : error, aborted);
  if (failure.class.endsWith("_timeout")) return { status: "timeout", failure };
  const isCancelled = failure.class === "cancelled";
  return { status: isCancelled ? "cancelled" : "error", failure };
}

function failureOf(reason: unknown, aborted: boolean): Failure {
  const isKnown = isRequestError(reason);
  const failureClass = isKnown
    ? reason.class
    : aborted
    ? "cancelled"
    : "backend_error";
  const systemCode = systemCodeOf(reason);
  // A backend that gives a class gives the code too. Only the codes of this client's own failures are always kept.
  const isOwn = isClientMade({ class: failureClass, code: systemCode });
  const code = isKnown && !isOwn ? reason.code : systemCode;
  const retryAfterMs = isKnown ? reason.retryAfterMs : undefined;
  return {
    class: failureClass,
    ...(code !== undefined && { code }),
    message: messageOf(reason),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

/** Kinds of failure that a report lists. */
const MAX_LISTED = 10;
/** Kinds of failure that are counted apart: a server may give each of its errors a code of its own. */
const MAX_KINDS = 1000;

interface Kind extends FailureNote {
  /** Lowest id of its requests: the message is that request's. */
  readonly id: number;
}

/** Counts failures by class and code, each with the message of its lowest request id. */
export class FailureCounts {
  readonly #kinds = new Map<string, Kind>();

  /** Adds the failure of a request. */
  add(id: number, { class: name, code, message }: Failure): void {
    const kind = { class: name, ...(code !== undefined && { code }), message };
    this.#add({ ...kind, count: 1, id });
  }

  /** Adds all failures of another count. */
  merge(other: FailureCounts): void {
    for (const kind of other.#kinds.values()) this.#add(kind);
  }

  /** Number of failures by class. */
  byClass(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const kind of this.#sorted()) {
      addTo(counts, { [kind.class]: kind.count });
    }
    return counts;
  }

  /** The most frequent kinds. Failures that this client made are never left out: the verdict depends on them. */
  listed(): FailureNote[] {
    return this.#sorted()
      .sort((a, b) => Number(isClientMade(b)) - Number(isClientMade(a)))
      .slice(0, MAX_LISTED)
      .sort(byCount)
      .map(({ id: _, ...note }) => note);
  }

  #sorted(): Kind[] {
    return [...this.#kinds.values()].sort(byCount);
  }

  /** Counts by class and code; where there are too many codes, by class alone. */
  #add(kind: Kind): void {
    const isFull = this.#kinds.size >= MAX_KINDS &&
      !this.#kinds.has(keyOf(kind));
    const { code: _, ...withoutCode } = kind;
    const kept = isFull && !isClientMade(kind) ? withoutCode : kind;
    const known = this.#kinds.get(keyOf(kept));
    const first = known && known.id <= kept.id ? known : kept;
    const count = (known?.count ?? 0) + kept.count;
    this.#kinds.set(keyOf(kept), { ...first, count });
  }
}

function keyOf({ class: failureClass, code }: FailureNote): string {
  return `${failureClass}\n${code ?? ""}`;
}

function byCount(a: Kind, b: Kind): number {
  return b.count - a.count || a.id - b.id;
}
