/**
 * The cheapest server that a realtime client can stream to, in its own process: it answers each append with an empty
 * delta and parses nothing. Prints its address on the first line; `/stats` returns its processor time.
 *
 * @module
 */
import process from "node:process";

const CREATED = '{"type":"session.created","id":"sess-bench","created":0}';
const DELTA = '{"type":"transcription.delta","delta":""}';
const DONE = '{"type":"transcription.done","text":""}';

/** Maximum length of a control message; longer messages are audio. */
const CONTROL_CHARS = 200;

function answer(request: Request): Response {
  if (request.headers.get("upgrade") === "websocket") return upgrade(request);
  const { user, system } = process.cpuUsage();
  return Response.json({ cpuMs: (user + system) / 1000 });
}

function upgrade(request: Request): Response {
  const { socket, response } = Deno.upgradeWebSocket(request, {
    idleTimeout: 0,
  });
  socket.onopen = () => socket.send(CREATED);
  socket.onmessage = ({ data }: MessageEvent<string>) => {
    if (data.length > CONTROL_CHARS) socket.send(DELTA);
    else if (data.includes('"final":true')) socket.send(DONE);
  };
  return response;
}

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`http://127.0.0.1:${port}`),
}, answer);
