// Runs on a separate thread, so that it closes while the client reads: see closing_server.ts.

import { systemClock } from "../../core/clock.ts";

const EVENT_MS = 10;
const clock = systemClock();
const encode = (text: string) => new TextEncoder().encode(text);
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

function event(content: string, finishReason: string | null): string {
  const choices = [{
    index: 0,
    delta: content ? { content } : {},
    finish_reason: finishReason,
  }];
  const body = { id: "c", object: "chat.completion.chunk", choices };
  return chunk(`data: ${JSON.stringify(body)}\n\n`);
}

const HEAD = [
  "HTTP/1.1 200 OK",
  "Keep-Alive: timeout=5, max=100",
  "Content-Type: text/event-stream",
  "Transfer-Encoding: chunked",
  "\r\n",
].join("\r\n");
const END = encode(`${event("", "stop")}${chunk("data: [DONE]\n\n")}0\r\n\r\n`);

let requests = 0;
let connections = 0;

async function serve(socket: Deno.TcpConn): Promise<void> {
  try {
    if (!await readRequest(socket)) return;
    requests++;
    await socket.write(encode(HEAD));
    for (let i = 0; i < 5; i++) {
      await clock.sleepUntil(clock.now() + EVENT_MS);
      await socket.write(encode(event("word ", null)));
    }
    await clock.sleepUntil(clock.now() + EVENT_MS);
    await socket.write(END);
    // A tenth of a millisecond, as in the server that this one imitates.
    const closeMs = clock.now() + 0.1;
    while (clock.now() < closeMs);
  } catch {
    // The client has closed the connection.
  } finally {
    socket.close();
  }
}

/** Reports whether the bytes are a whole request. */
async function readRequest(socket: Deno.TcpConn): Promise<boolean> {
  const buffer = new Uint8Array(64 * 1024);
  let text = "";
  while (true) {
    const count = await socket.read(buffer);
    if (count === null) return false;
    text += new TextDecoder("latin1").decode(buffer.subarray(0, count));
    const [head, body] = text.split("\r\n\r\n");
    const length = /content-length: (\d+)/i.exec(head ?? "")?.[1];
    if (body !== undefined && body.length >= Number(length)) return true;
  }
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
/** The part of the worker's global scope used here; the default library describes a window. */
const scope = globalThis as unknown as { postMessage(data: unknown): void };
addEventListener("message", () => scope.postMessage({ requests, connections }));
scope.postMessage(listener.addr.port);
for await (const socket of listener) {
  socket.setNoDelay(true);
  connections++;
  void serve(socket);
}
