import type { Socket } from "node:net";
import { Client } from "undici";

/**
 * An HTTP client for one open socket. By itself undici opens another socket where one is lost, or could not be had for
 * some reasons, at once and as often as that happens: here what is sent then fails.
 */
export function clientOn(
  socket: Socket,
  { origin }: URL,
  options: Client.Options = {},
): Client {
  let unused: Socket | undefined = socket;
  return new Client(origin, {
    headersTimeout: 0,
    bodyTimeout: 0,
    ...options,
    connect(_options, callback) {
      const given = unused;
      unused = undefined;
      // Undici does not expect an answer at once.
      queueMicrotask(() => {
        if (given) callback(null, given);
        else callback(new Error("the connection is closed"), null);
      });
    },
  });
}
