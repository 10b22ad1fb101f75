import { reasonOf } from "../lib/system_code.ts";

/** One problem with the input of a user. */
export interface Problem {
  /** Message for people. */
  readonly message: string;
  /** Option of the problem. */
  readonly path?: string;
}

/** Invalid input of a user. The command line shows the message alone and exits with 2. */
export class UsageError extends Error {
  /** All problems, if there are several. */
  readonly problems: readonly Problem[];

  /** Creates an error. Pass the `cause`. */
  constructor(
    message: string,
    options: ErrorOptions & { problems?: readonly Problem[] } = {},
  ) {
    super(message, options);
    this.name = "UsageError";
    this.problems = options.problems ?? [];
  }
}

/** The run ends before the next stage of a load: its message says why. Thrown where a load yields that stage. */
export class RunEnded extends Error {
  /** Name of the class. */
  override readonly name = "RunEnded";
}

/** Failure of a request whose class the backend knows: see docs/failures.md. */
export class RequestError extends Error {
  /** Class, as in `Failure`. */
  readonly class: string;
  /** The server's or the system's own code. */
  readonly code: string | undefined;
  /** How long the server asked to wait before the next request, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  /** Creates an error. Pass the `cause`. */
  constructor(
    failureClass: string,
    message: string,
    options: ErrorOptions & {
      code?: string | undefined;
      retryAfterMs?: number | undefined;
    } = {},
  ) {
    super(message, options);
    this.name = "RequestError";
    this.class = failureClass;
    this.code = options.code;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Whether an error is a {@linkcode UsageError}, of this copy of earshot or of another one that a plugin imports. */
export function isUsageError(error: unknown): error is UsageError {
  return error instanceof Error && error.name === "UsageError";
}

/** Whether an error is a {@linkcode RequestError}, of this copy of earshot or another, or has the same shape. */
export function isRequestError(error: unknown): error is RequestError {
  return error instanceof Error && error.name === "RequestError" &&
    "class" in error && typeof error.class === "string";
}

/** Message of an error with its causes, in one line. A cause that the message already contains is left out. */
export function messageOf(error: unknown): string {
  const message = reasonOf(error);
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error)) return message;
  // A message may quote an error of the file system, whose reason begins with a capital letter in Deno's own text.
  const isQuoted = message.toLowerCase().includes(
    reasonOf(cause).toLowerCase(),
  );
  return isQuoted ? message : `${message}: ${messageOf(cause)}`;
}
