import { snippet } from "../connect/server_text.ts";
import type { ServerEvent } from "../http/http.ts";
import { RequestError } from "../../plugins/mod.ts";

/**
 * The error that JSON tells of, if it tells of one: `{"error":{…}}`, `{"error":"…"}`, `{"type":"error",…}`,
 * `{"object":"error",…}`, or anything behind `event: error`.
 */
export function serverErrorIn(
  value: unknown,
  type?: ServerEvent["type"],
): RequestError | undefined {
  const said = record(value);
  const isError = type === "error" || said["type"] === "error" ||
    said["object"] === "error" ||
    (said["error"] !== undefined && said["error"] !== null);
  if (!isError) return undefined;
  const { error } = said;
  const inner = { ...said, ...record(error) };
  const message = [inner["message"], inner["detail"], error, value]
    .find((text) => typeof text === "string" && text !== "");
  return new RequestError(
    "server_error",
    snippet(typeof message === "string" ? message : JSON.stringify(value)),
    { code: codeIn(inner) },
  );
}

/** Its code, or else its type, where that says more than that it is an error. */
function codeIn(error: Readonly<Record<string, unknown>>): string | undefined {
  const code = [error["code"], error["type"]].find((code) =>
    typeof code === "number" || (typeof code === "string" && code !== "error")
  );
  return code === undefined ? undefined : String(code);
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null
    ? value as Record<string, unknown>
    : {};
}
