/** One problem with what was given, and where. */
export interface Problem {
  /** For people. */
  readonly message: string;
  /** The option, column or line it is about. */
  readonly path?: string;
}

/** What the user gave cannot be used. The command line shows the message alone and exits with 2. */
export class UsageError extends Error {
  /** Every problem, where there are several. */
  readonly problems: readonly Problem[];

  /** Makes one; pass the `cause`. */
  constructor(
    message: string,
    options: ErrorOptions & { problems?: readonly Problem[] } = {},
  ) {
    super(message, options);
    this.name = "UsageError";
    this.problems = options.problems ?? [];
  }
}

/** Thrown by a backend for a failure whose class it knows: see docs/failures.md. */
export class RequestError extends Error {
  /** The class, as in `Failure`. */
  readonly class: string;
  /** The server's or the system's own code. */
  readonly code: string | undefined;

  /** Makes one; pass the `cause`. */
  constructor(
    failureClass: string,
    message: string,
    options: ErrorOptions & { code?: string | undefined } = {},
  ) {
    super(message, options);
    this.name = "RequestError";
    this.class = failureClass;
    this.code = options.code;
  }
}

/** Whether it is a {@linkcode UsageError}, of this copy of earshot or of one that a plugin brought along. */
export function isUsageError(error: unknown): error is UsageError {
  return error instanceof Error && error.name === "UsageError";
}

/** Whether it is a {@linkcode RequestError}, of this copy of earshot, of a plugin's own, or an error that looks like one. */
export function isRequestError(error: unknown): error is RequestError {
  return error instanceof Error && error.name === "RequestError" &&
    "class" in error && typeof error.class === "string";
}

/** What went wrong, in one line, with its causes. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error) || error.message.includes(cause.message)) {
    return error.message || error.name;
  }
  return `${error.message}: ${messageOf(cause)}`;
}
