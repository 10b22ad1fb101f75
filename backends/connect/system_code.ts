import { devNull } from "node:os";
import { systemCodeOf as findSystemCode } from "../../plugins/mod.ts";

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
  return findSystemCode(error, ANY_CODE);
}

/** Codes of the TLS and WebSocket libraries too. */
const ANY_CODE = /^[A-Z][A-Z0-9_]+$/;

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
