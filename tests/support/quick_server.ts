import { connect } from "node:net";
import { type RunningServer, startServer } from "../../server/mod.ts";
import type { ServerOptions } from "../../server/settings.ts";

/** A server that answers as fast as it can. */
export function quickServer(
  options: ServerOptions = {},
): Promise<RunningServer> {
  return startServer({ model: "m", ttftMs: 0, itlMs: 0, ...options });
}

/** The response to a request. */
export interface TestAnswer {
  readonly status: number;
  readonly type: string | null;
  readonly headers: Headers;
  readonly text: string;
}

/** Posts JSON or any other body; `query` holds the settings of the request. */
export async function post(
  { url }: RunningServer,
  path: string,
  { body, query = "", headers = {} }: {
    body: unknown;
    query?: string;
    headers?: Record<string, string>;
  },
): Promise<TestAnswer> {
  const isJson = typeof body !== "string" && !(body instanceof FormData);
  const response = await fetch(`${url}${path}?${query}`, {
    method: "POST",
    headers: {
      ...(!(body instanceof FormData) &&
        { "content-type": "application/json" }),
      ...headers,
    },
    body: isJson ? JSON.stringify(body) : body,
    redirect: "manual",
  });
  return {
    status: response.status,
    type: response.headers.get("content-type"),
    headers: response.headers,
    text: await response.text(),
  };
}

/** Returns the text with ids and times masked. */
export function masked(text: string): string {
  return text
    .replace(
      /"id":"(chatcmpl|cmpl|resp|embd|transcribe|translate)[-_][^"]*"/g,
      '"id":"ID"',
    )
    .replace(/"(created|created_at)":\d+/g, '"$1":0');
}

/** The data of a stream's events, masked; `[DONE]` too. */
export function dataOf(text: string): string[] {
  return masked(text).split("\n\n").filter(Boolean).map((event) =>
    event.replace(/^(event: .*\n)?data: /, "")
  );
}

/** The JSON of a stream's events, without `[DONE]`. */
// deno-lint-ignore no-explicit-any
export function eventsOf(text: string): any[] {
  return dataOf(text).filter((data) => data !== "[DONE]").map((data) =>
    JSON.parse(data)
  );
}

/** The bytes received over a raw connection. */
export interface RawAnswer {
  /** The status line and headers. */
  readonly head: string;
  /** The body, its chunks joined, each byte a character. */
  readonly body: string;
  /** Whether the body is complete. */
  readonly isWhole: boolean;
  /** Number of chunks of the body; 1 if it is not chunked. */
  readonly chunks: number;
}

/** Posts JSON over a socket, and reads until it is closed. */
export async function postRaw(
  { port }: RunningServer,
  path: string,
  { body, query = "", until }: {
    body: unknown;
    query?: string;
    /** Ends the reading once this has been received. */
    until?: string;
  },
): Promise<RawAnswer> {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  const socket = connect(port, "127.0.0.1");
  let text = "";
  await new Promise<void>((resolve) => {
    socket.on("data", (data: Uint8Array) => {
      text += new TextDecoder("latin1").decode(data);
      if (until && text.includes(until)) socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve());
    socket.write(
      `POST ${path}?${query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n` +
        `content-type: application/json\r\ncontent-length: ${bytes.length}\r\n\r\n`,
    );
    socket.write(bytes);
  });
  const end = text.indexOf("\r\n\r\n");
  const head = end < 0 ? text : text.slice(0, end);
  const rest = end < 0 ? "" : text.slice(end + 4);
  return /^transfer-encoding: chunked$/im.test(head)
    ? { head, ...joinedChunks(rest) }
    : { head, body: rest, isWhole: isWholeBody(head, rest), chunks: 1 };
}

function joinedChunks(text: string): Omit<RawAnswer, "head"> {
  let body = "";
  let chunks = 0;
  for (let i = 0; i < text.length;) {
    const line = text.indexOf("\r\n", i);
    const size = parseInt(text.slice(i, line), 16);
    if (size === 0) return { body, isWhole: true, chunks };
    chunks++;
    body += text.slice(line + 2, line + 2 + size);
    i = line + 2 + size + 2;
  }
  return { body, isWhole: false, chunks };
}

function isWholeBody(head: string, body: string): boolean {
  const [, length] = /^content-length: (\d+)$/im.exec(head) ?? [];
  return length !== undefined && Number(length) === body.length;
}
