import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { transcribeOnce } from "../../../tests/support/transcribe.ts";

/** Behaviour of the server with a connection, whether it uses TLS, and the expected result of the request. */
const CASES: Readonly<
  Record<string, readonly [(socket: Socket) => void, "ws" | "wss", string]>
> = {
  "closes on the upgrade": [
    (socket) => void socket.once("data", () => socket.end()),
    "ws",
    "connect_error",
  ],
  "resets on the upgrade": [
    (socket) => void socket.once("data", () => socket.resetAndDestroy()),
    "ws",
    "connect_error",
  ],
  "answers the upgrade by half": [
    (socket) => void socket.once("data", () => socket.end("HTTP/1.1 1")),
    "ws",
    "connect_error",
  ],
  "does not answer the upgrade": [() => {}, "ws", "connect_timeout"],
  "does not speak TLS": [() => {}, "wss", "connect_timeout"],
};

for (const transport of ["native", "ws"] as const) {
  for (const [what, [answer, scheme, failure]] of Object.entries(CASES)) {
    Deno.test(`${transport} transport opens one connection to a server that ${what}, within connectTimeoutMs`, async () => {
      let connections = 0;
      const sockets = new Set<Socket>();
      const server = createServer((socket) => {
        connections++;
        sockets.add(socket);
        socket.on("error", () => {}).on("close", () => sockets.delete(socket));
        answer(socket);
      });
      await new Promise<void>((resolve) =>
        server.listen(0, "127.0.0.1", resolve)
      );
      const { port } = server.address() as AddressInfo;
      const { outcome } = await transcribeOnce({
        target: `${scheme}://127.0.0.1:${port}`,
        transport,
        connectTimeoutMs: failure === "connect_timeout" ? 200 : 10_000,
        insecure: true,
      });
      assert.ok(outcome.status !== "ok");
      assert.equal(outcome.failure.class, failure, outcome.failure.message);
      assert.ok(connections <= 1, `${connections}`);
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    });
  }
}
