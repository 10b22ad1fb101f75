import type { Socket } from "node:net";
import { Client } from "undici";
import { dial, type Way } from "../target/dial.ts";
import type { Wire, WireHooks } from "./wire.ts";

/**
 * How long a connection may lie idle where the server says nothing of it: less than the 5 s after which common
 * servers close theirs, as a request that crosses with the closing would fail.
 */
const IDLE_MS = 4000;

/** How much sooner than the server says. */
const IDLE_MARGIN_MS = 1000;

/** HTTP/1.1, by a client of undici. */
export function http1Wire(
  way: Way,
  hooks: WireHooks,
  { reuse, first }: {
    reuse: boolean;
    /** A socket that is open already. */
    first?: Socket;
  },
): Wire {
  let cancelDial = () => {};
  let ready = first;
  let socket = first;
  const client = new Client(way.url.origin, {
    // None at all has each request say "connection: close".
    pipelining: reuse ? 1 : 0,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: IDLE_MS,
    keepAliveTimeoutThreshold: IDLE_MARGIN_MS,
    connect(_options, callback) {
      if (ready) {
        const opened = ready;
        ready = undefined;
        // Undici does not expect it at once.
        return queueMicrotask(() => callback(null, opened));
      }
      hooks.connecting();
      cancelDial = dial(way, (error, opened) => {
        if (error) return callback(error, null);
        socket = opened;
        hooks.connected(opened);
        callback(null, opened);
      });
    },
  });
  client.on("disconnect", (_url, _targets, error) => hooks.lost(error));
  return {
    isReady: () => socket?.destroyed === false && socket.writableLength === 0,
    dispatch: (request, handler) => void client.dispatch(request, handler),
    destroy() {
      cancelDial();
      return client.destroy();
    },
  };
}
