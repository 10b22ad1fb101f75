import type { Backend, Call, OpenContext } from "../../plugins/mod.ts";

/** Which way a message went, or that it is a note: as `context.trace` is told. */
type Direction = Parameters<NonNullable<OpenContext["trace"]>>[0];

/** What the engine saw of a request, for backends that do not trace their own messages. */
export interface SeenCall {
  /** Sends a request through the backend, and keeps what it records. */
  readonly backend: Pick<Backend, "needs" | "send">;
  /** Shows what was recorded, in order, each with its time. Returns how many messages were not kept. */
  show(
    trace: (direction: Direction, message: string, atMs: number) => void,
  ): number;
}

/** Watches the calls of a backend. At most so many messages of each direction are kept. */
export function watchCall(backend: Backend, most: number): SeenCall {
  const seen: { direction: Direction; message: string; atMs: number }[] = [];
  const counts = { sent: 0, received: 0, note: 0 };

  function watched(call: Call): Call {
    const { clock } = call;
    const keep = (
      direction: Direction,
      message: () => string,
      atMs = clock.now(),
    ) => {
      if (++counts[direction] > most) return;
      seen.push({ direction, message: message(), atMs });
    };
    return {
      get signal() {
        return call.signal;
      },
      throwIfAborted: () => call.throwIfAborted(),
      onAbort: (task) => call.onAbort(task),
      clock,
      read(bytes, atMs) {
        const readMs = call.read(bytes, atMs);
        keep("received", () => `${bytes} bytes`, readMs);
        return readMs;
      },
      event(atMs) {
        call.event(atMs);
        keep("received", () => "event", atMs);
      },
      output(atMs, delta) {
        call.output(atMs, delta);
        keep("received", () => `output ${JSON.stringify(delta)}`, atMs);
      },
      buffered: (bytes) => call.buffered(bytes),
      mark(instant, atMs) {
        call.mark(instant, atMs);
        keep("note", () => instant, atMs);
      },
      retried() {
        call.retried();
        keep("note", () => "retried on a new connection");
      },
      ended(atMs) {
        call.ended(atMs);
        keep("note", () => "ended", atMs);
      },
      audioSent(chunk) {
        call.audioSent(chunk);
        keep(
          "sent",
          () => `audio up to ${chunk.endMs.toFixed(0)} ms`,
          chunk.atMs,
        );
      },
    };
  }

  return {
    backend: {
      needs: backend.needs,
      send: (request, call) => backend.send(request, watched(call)),
    },
    show(trace) {
      for (const { direction, message, atMs } of seen) {
        trace(direction, message, atMs);
      }
      return Math.max(0, counts.sent - most) +
        Math.max(0, counts.received - most);
    },
  };
}
