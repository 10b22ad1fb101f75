import type { ConnectionParts } from "./connection.ts";
import { sendText } from "./web_socket.ts";

/** Sends, or holds back while stalled. */
export function createOutbox(
  { id, socket, webSocket, clock, log }: ConnectionParts,
) {
  let heldUntilMs = 0;
  let held: (() => void)[] = [];
  let cancel = () => {};

  function send(
    type: string,
    data: string | Uint8Array,
    chars?: number,
  ): void {
    if (webSocket.readyState !== webSocket.OPEN) return;
    const atMs = clock.now();
    if (typeof data === "string") sendText(webSocket, { socket, text: data });
    else webSocket.send(data);
    log.add({
      atMs,
      session: id,
      direction: "out",
      type,
      bytes: data.length,
      ...(chars !== undefined && { chars }),
    });
  }

  function post(
    type: string,
    data: string | Uint8Array,
    chars?: number,
  ): void {
    if (heldUntilMs === 0) send(type, data, chars);
    else if (heldUntilMs < Infinity) held.push(() => send(type, data, chars));
  }

  function release(): void {
    heldUntilMs = 0;
    const due = held;
    held = [];
    for (const task of due) task();
  }

  return {
    text: post,
    binary: (data: Uint8Array) => post("(binary)", data),
    hold(untilMs: number): void {
      heldUntilMs = Math.max(heldUntilMs, untilMs);
      cancel();
      if (heldUntilMs < Infinity) cancel = clock.at(heldUntilMs, release);
    },
    close(): void {
      cancel();
      held = [];
    },
  };
}
