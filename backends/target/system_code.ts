import { constants } from "node:os";

/** `ECONNREFUSED` and its like; of several addresses that were tried, the first one's. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  const number = /\(os error (\d+)\)/.exec(error.message)?.[1];
  if (number !== undefined) return nameOf(Number(number));
  return systemCodeOf(
    error instanceof AggregateError ? error.errors[0] : error.cause,
  );
}

/** Deno's own WebSocket and `Deno.Conn` report a number only, in the text of the error. */
function nameOf(number: number): string | undefined {
  return Object.entries(constants.errno)
    .find(([, value]) => value === number)?.[0];
}
