import { constants } from "node:os";

/** Codes of the operating system, without those of libraries. */
const SYSTEM_CODE = /^E[A-Z0-9]{2,20}$/;

/**
 * The system's code in an error or its causes, as `ECONNREFUSED`: of several errors, the first one's. `fetch` and
 * Deno's WebSocket give a number only, at the end of the message. The message of a `RequestError` is not searched for a
 * number, as it may quote a server that is out of files itself.
 *
 * @param pattern The codes to look for. @default Codes of the operating system
 */
export function systemCodeOf(
  error: unknown,
  pattern: RegExp = SYSTEM_CODE,
): string | undefined {
  for (let at = error, hops = 0; at instanceof Error && hops < 10; hops++) {
    if ("code" in at && pattern.test(String(at.code))) return String(at.code);
    const code = at.name === "RequestError" ? undefined : codeInMessage(at);
    if (code !== undefined) return code;
    at = at instanceof AggregateError ? at.errors[0] : at.cause;
  }
  return undefined;
}

/** Deno's errors end in the number. Whatever they quote, as a JSON parser does, comes before the end. */
function codeInMessage({ message }: Error): string | undefined {
  const number = /\(os error (\d+)\)$/.exec(message)?.[1];
  if (number === undefined) return undefined;
  return Object.entries(constants.errno)
    .find(([, errno]) => errno === Number(number))?.[0];
}

/** Messages of Deno's and Node's file system, which name the operation and the path after the reason. */
const FILE_ERRORS = [
  /^([^:]*) \(os error \d+\): \w+ '.*'$/s,
  /^E[A-Z]+: (.*), \w+(?: '.*')?$/s,
];

/**
 * The message of an error without those of its causes. An error of the file system becomes its reason alone, in the
 * same words from Deno and from Node: "no such file or directory".
 */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = error.message || error.name;
  for (const pattern of FILE_ERRORS) {
    const reason = pattern.exec(message)?.[1];
    if (reason) return reason.charAt(0).toLowerCase() + reason.slice(1);
  }
  return message;
}
