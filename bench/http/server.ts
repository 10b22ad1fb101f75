/**
 * The cheapest HTTP server for a chat client, in its own process, on plain sockets: it reads only the path and the
 * length of the body. Prints its address on the first line; `/stats` returns its processor time. An event of a paced
 * stream contains the time at which it was given to the socket.
 *
 * @module
 */
import process from "node:process";
import { EVENTS, PACE_MS } from "./scenario.ts";

const encoder = new TextEncoder();

function chunkOf(data: string): string {
  const event = `data: ${data}\n\n`;
  return `${event.length.toString(16)}\r\n${event}\r\n`;
}

function eventOf(content: string): string {
  return chunkOf(
    `{"id":"chatcmpl-0123456789abcdef","object":"chat.completion.chunk","created":1700000000,"model":"bench",` +
      `"choices":[{"index":0,"delta":{"content":"${content}"},"logprobs":null,"finish_reason":null}]}`,
  );
}

const STREAM_HEAD =
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
const STREAM_END = chunkOf(
  `{"id":"chatcmpl-0123456789abcdef","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],` +
    `"usage":{"prompt_tokens":9,"total_tokens":109,"completion_tokens":100}}`,
) + chunkOf("[DONE]") + "0\r\n\r\n";

function jsonAnswer(value: unknown): Uint8Array<ArrayBuffer> {
  const body = JSON.stringify(value);
  return encoder.encode(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
}

const JSON_ANSWER = jsonAnswer({
  id: "chatcmpl-0123456789abcdef",
  object: "chat.completion",
  created: 1_700_000_000,
  model: "bench",
  choices: [{
    index: 0,
    message: { role: "assistant", content: "As long as it takes to tie." },
    finish_reason: "stop",
  }],
  usage: { prompt_tokens: 9, completion_tokens: 8, total_tokens: 17 },
});

const EVENTS_ANSWER = encoder.encode(
  STREAM_HEAD + eventOf(" word").repeat(EVENTS) + STREAM_END,
);

/** Open streams, each written to at its own time in every pace. */
const paced: { conn: Deno.Conn; nextMs: number }[] = [];

/** Spreads any number of streams evenly over a pace. */
function phaseOf(index: number): number {
  return (index * 0.618034 % 1) * PACE_MS;
}

function pace(): void {
  for (let i = 0; i < paced.length; i++) {
    const stream = paced[i]!;
    const nowMs = performance.now();
    if (nowMs < stream.nextMs) continue;
    stream.nextMs += PACE_MS;
    const atMs = performance.timeOrigin + nowMs;
    const gone = () => void paced.splice(paced.indexOf(stream), 1);
    stream.conn.write(encoder.encode(eventOf(`${atMs} `))).catch(gone);
  }
}

function answerTo(path: string): Uint8Array<ArrayBuffer> {
  if (path.startsWith("/json")) return JSON_ANSWER;
  if (path.startsWith("/events")) return EVENTS_ANSWER;
  const { user, system } = process.cpuUsage();
  return jsonAnswer({ cpuMs: (user + system) / 1000 });
}

async function serve(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay(true);
  const buffer = new Uint8Array(16_384);
  const decoder = new TextDecoder("latin1");
  for (let text = "";;) {
    const count = await conn.read(buffer);
    if (count === null) return;
    text += decoder.decode(buffer.subarray(0, count));
    const head = text.indexOf("\r\n\r\n");
    if (head < 0) continue;
    const length = /^content-length: (\d+)/im.exec(text)?.[1] ?? "0";
    if (text.length < head + 4 + Number(length)) continue;
    const path = text.slice(text.indexOf(" ") + 1);
    text = "";
    if (path.startsWith("/paced")) {
      await conn.write(encoder.encode(STREAM_HEAD));
      paced.push({ conn, nextMs: performance.now() + phaseOf(paced.length) });
    } else await conn.write(answerTo(path));
  }
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(`http://127.0.0.1:${listener.addr.port}`);
setInterval(pace, 1);
for await (const conn of listener) serve(conn).catch(() => {});
