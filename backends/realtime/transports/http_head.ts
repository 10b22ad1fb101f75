/** The part of HTTP/1.1 that a relay must understand: one head, and the body of a refusal. */

/** Where the body begins; `undefined` while the head is not whole. */
export function bodyStart(bytes: Uint8Array): number | undefined {
  for (let i = 3; i < bytes.length; i++) {
    if (
      bytes[i] === LF && bytes[i - 1] === CR && bytes[i - 2] === LF &&
      bytes[i - 3] === CR
    ) return i + 1;
  }
  return undefined;
}

const CR = 13;
const LF = 10;

/** The status of a response's head; 0 if it has none. */
export function statusOf(head: string): number {
  return Number(/^HTTP\/1\.\d (\d{3})/.exec(head)?.[1] ?? 0);
}

/** The value of a header. */
export function headerOf(head: string, name: string): string | undefined {
  return head.match(lineOf(name))?.[1]?.trim();
}

/** The head with a header set to another value, or taken out. */
export function withHeader(
  head: string,
  name: string,
  value: string | undefined,
): string {
  const line = value === undefined ? "" : `${name}: ${value}\r\n`;
  // A function, so that a "$" in the value is nothing but a "$".
  return head.replace(lineOf(name), () => line);
}

function lineOf(name: string): RegExp {
  return new RegExp(`^${name}:(.*)\\r\\n`, "im");
}

/** Whether a response's body is whole, by what its head says. */
export function isWhole(head: string, body: string): boolean {
  const length = headerOf(head, "content-length");
  if (length !== undefined) return body.length >= Number(length);
  return isChunked(head) && body.endsWith("0\r\n\r\n");
}

/** A body without the frame that a chunked one has. Both in Latin-1, a character a byte. */
export function unframed(head: string, body: string): string {
  if (!isChunked(head)) return body;
  let text = "";
  for (let at = 0; at < body.length;) {
    const size = /^([0-9a-f]+)(?![0-9a-f])[^\r]*\r\n/i.exec(
      body.slice(at, at + 1024),
    );
    if (!size) break;
    at += size[0].length;
    const length = parseInt(size[1]!, 16);
    text += body.slice(at, at + length);
    at += length + 2;
  }
  return text;
}

function isChunked(head: string): boolean {
  return /chunked/i.test(headerOf(head, "transfer-encoding") ?? "");
}
