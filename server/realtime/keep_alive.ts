import type { ConnectionParts } from "./connection.ts";

/** Pings; closes with 1011 where no pong comes back in time. */
export function keepAlive(
  { webSocket, options, clock }: ConnectionParts,
  { at, note }: {
    at: (atMs: number, task: () => void) => () => void;
    note: (type: string) => void;
  },
): void {
  const { pingIntervalMs, pongTimeoutMs } = options;
  if (pingIntervalMs <= 0) return;
  let overdue = () => {};
  const ping = () => {
    if (webSocket.readyState !== webSocket.OPEN) return;
    webSocket.ping();
    note("ping");
    overdue = at(clock.now() + pongTimeoutMs, () => {
      webSocket.close(1011, "keepalive ping timeout");
      at(clock.now() + 1000, () => webSocket.terminate());
    });
    at(clock.now() + pingIntervalMs, ping);
  };
  webSocket.on("pong", () => overdue());
  at(clock.now() + pingIntervalMs, ping);
}
