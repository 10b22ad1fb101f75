import { constants, devNull } from "node:os";

/**
 * `ECONNREFUSED` and its like; of several addresses that were tried, the first one's. A name that cannot be looked up
 * because no more files may be open is `EMFILE`, though getaddrinfo says that there is no such name.
 */
export function systemCodeOf(error: unknown): string | undefined {
  const code = codeIn(error);
  return code === "ENOTFOUND" || code === "EAI_AGAIN"
    ? fileLimit() ?? code
    : code;
}

function codeIn(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  const number = /\(os error (\d+)\)/.exec(error.message)?.[1];
  if (number !== undefined) return nameOf(Number(number));
  return codeIn(
    error instanceof AggregateError ? error.errors[0] : error.cause,
  );
}

/** Deno's own WebSocket reports a number only, in the text of the error. */
function nameOf(number: number): string | undefined {
  return Object.entries(constants.errno)
    .find(([, value]) => value === number)?.[0];
}

/** `EMFILE` or `ENFILE`, where no file can be opened now. */
function fileLimit(): string | undefined {
  const read = { name: "read", path: devNull } as const;
  if (Deno.permissions.querySync(read).state !== "granted") return undefined;
  try {
    Deno.openSync(devNull).close();
  } catch (error) {
    const code = codeIn(error);
    return code === "EMFILE" || code === "ENFILE" ? code : undefined;
  }
}
