import { isRequestError } from "./errors.ts";

/** Error numbers of Linux and macOS for what the client's own machine refuses: `fetch` gives no code, only these. */
const CLIENT_ERRNOS: Readonly<Record<string, string>> = {
  12: "ENOMEM",
  23: "ENFILE",
  24: "EMFILE",
  49: "EADDRNOTAVAIL",
  55: "ENOBUFS",
  99: "EADDRNOTAVAIL",
  105: "ENOBUFS",
};

/**
 * The system's code for what went wrong, from the error or its causes; undefined where there is none. The message of a
 * `RequestError` is not searched for a number, as it may quote a server that is out of files itself.
 */
export function systemCodeOf(error: unknown): string | undefined {
  for (let at = error, hops = 0; at instanceof Error && hops < 10; hops++) {
    if ("code" in at && /^E[A-Z0-9]{2,20}$/.test(String(at.code))) {
      return String(at.code);
    }
    const errno = isRequestError(at) ? undefined : errnoIn(at);
    if (errno !== undefined && Object.hasOwn(CLIENT_ERRNOS, errno)) {
      return CLIENT_ERRNOS[errno];
    }
    at = at.cause;
  }
  return undefined;
}

/** Deno's own errors end in it: what is quoted, as a parser of JSON does, stands before the end. */
function errnoIn({ message }: Error): string | undefined {
  return /\(os error (\d+)\)$/.exec(message)?.[1];
}
