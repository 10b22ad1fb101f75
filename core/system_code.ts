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

/** The system's code for what went wrong, from the error or its causes; undefined where there is none. */
export function systemCodeOf(error: unknown): string | undefined {
  for (let at = error, hops = 0; at instanceof Error && hops < 10; hops++) {
    if ("code" in at && /^E[A-Z0-9]{2,20}$/.test(String(at.code))) {
      return String(at.code);
    }
    const [, errno = ""] = at.message.match(/\(os error (\d+)\)/) ?? [];
    if (Object.hasOwn(CLIENT_ERRNOS, errno)) return CLIENT_ERRNOS[errno];
    at = at.cause;
  }
  return undefined;
}
