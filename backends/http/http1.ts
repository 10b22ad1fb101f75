import type { Socket } from "node:net";
import { clientOn } from "../connect/one_socket.ts";
import type { OnLost, Wire } from "./wire.ts";

/**
 * How long a connection may lie idle where the server says nothing of it: less than the 5 s after which common
 * servers close theirs, as a request that crosses with the closing would fail.
 */
const IDLE_MS = 4000;

/** How much sooner than the server says. */
const IDLE_MARGIN_MS = 1000;

/** HTTP/1.1, by a client of undici. */
export function http1Wire(
  socket: Socket,
  url: URL,
  { reuse, lost }: { reuse: boolean; lost: OnLost },
): Wire {
  const client = clientOn(socket, url, {
    // None at all has each request say "connection: close".
    pipelining: reuse ? 1 : 0,
    keepAliveTimeout: IDLE_MS,
    keepAliveTimeoutThreshold: IDLE_MARGIN_MS,
  });
  let readBefore = 0;
  client.on("disconnect", (_url, _targets, error) => lost(error));
  return {
    isReady: () => !socket.destroyed && socket.writableLength === 0,
    isAnswered: () => socket.bytesRead > readBefore,
    isRefused: () => false,
    dispatch(request, handler) {
      readBefore = socket.bytesRead;
      client.dispatch(request, handler);
    },
    destroy: () => client.destroy(),
  };
}
