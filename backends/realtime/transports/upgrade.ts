import { createHash } from "node:crypto";
import { found, snippet } from "../../connect/words.ts";
import { headerOf } from "./http_head.ts";
import { badUpgrade, type Violation } from "./violation.ts";

/** What is wrong with the head of a response, if anything is: Deno would say only that it cannot parse it. */
export function headProblem(head: string): Violation | undefined {
  const problem = startProblem(head);
  if (problem || head.endsWith("\r\n\r\n")) return problem;
  return badUpgrade("its headers are too long");
}

/** The same of a head that has only begun: what is wrong whatever follows. */
export function startProblem(start: string): Violation | undefined {
  const line = start + STATUS_LINE.slice(start.length);
  if (!/^HTTP\/1\.[01] \d{3}[ \r]/.test(line)) {
    return badUpgrade(`it must begin with HTTP/1.1, but was ${found(start)}`);
  }
  const lines = start.split("\n").slice(1, -1);
  const bad = lines.find((line) => !HEADER.test(line));
  if (bad === undefined) return undefined;
  return badUpgrade(
    `a header has an invalid byte: ${
      JSON.stringify(snippet(bad.replace(/\r$/, "")))
    }`,
  );
}

const STATUS_LINE = "HTTP/1.1 101 ";
/** One, or the empty line behind all. */
const HEADER = /^([\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*)?\r$/;

/** What is wrong with the server's agreement to an upgrade: Deno checks neither the key nor what was agreed upon. */
export function upgradeProblem(
  response: string,
  request: string,
): Violation | undefined {
  const has = (name: string, value: RegExp) =>
    value.test(headerOf(response, name) ?? "");
  if (!has("upgrade", /^websocket\s*$/i)) {
    return badUpgrade("the header Upgrade must be websocket");
  }
  if (!has("connection", /\bupgrade\b/i)) {
    return badUpgrade("the header Connection must have Upgrade");
  }
  const key = headerOf(request, "sec-websocket-key") ?? "";
  if (headerOf(response, "sec-websocket-accept")?.trim() !== acceptOf(key)) {
    return badUpgrade("Sec-WebSocket-Accept does not belong to the key");
  }
  for (const name of ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"]) {
    if (headerOf(response, name) === undefined) continue;
    return badUpgrade(`nobody asked for ${name}`);
  }
}

/** What RFC 6455 makes of a key. */
function acceptOf(key: string): string {
  return createHash("sha1")
    .update(`${key.trim()}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
}
