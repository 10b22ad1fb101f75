import { connect } from "node:net";
import { hostOf, portOf } from "../../lib/host.ts";
import { type Call, RequestError } from "../../plugins/mod.ts";

/** Longest time of one connect: a server farther away than this is not reached. */
const TIMEOUT_MS = 5000;

/**
 * Opens and closes a TCP connection. Returns how long opening took: one round trip of the network.
 *
 * @throws {RequestError} If it cannot be opened.
 */
export function roundTripMs(
  url: URL,
  { clock, signal }: Pick<Call, "clock" | "signal">,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let startMs = clock.now();
  const socket = connect({ host: hostOf(url), port: portOf(url), signal });
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error("timed out")));
  // Names are looked up first, which is not a round trip to the server.
  socket.on("lookup", () => startMs = clock.now());
  socket.once("connect", () => {
    resolve(clock.now() - startMs);
    socket.destroy();
  });
  socket.once("error", (cause) => {
    const message = `cannot measure the round trip to ${url.host}`;
    reject(new RequestError("connect_error", message, { cause }));
  });
  return promise;
}
