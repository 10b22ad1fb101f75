import type { Call } from "../../plugins/mod.ts";
import type { Connection } from "./connections.ts";
import type { Frames } from "./frames.ts";

/** Audio on its way to a server. */
export interface Microphone {
  /** How much has been sent, in milliseconds of audio. */
  readonly sentMs: number;
  /** Sends no more. */
  stop(): void;
}

/** What a {@linkcode Microphone} needs beside the audio. */
export interface MicrophoneOptions {
  /** Where the audio goes. */
  readonly connection: Pick<Connection, "send" | "bufferedBytes">;
  /** Hears when each chunk was due and sent. */
  readonly call: Call;
  /** Times as fast as speech; 0 sends as fast as the connection takes it. */
  readonly speed: number;
  /** Called right behind the last chunk, in the same turn of the loop. */
  ended(): void;
}

/** Unpaced audio waits while more than this has not left. */
const HIGH_WATER_BYTES = 256 * 1024;
/** Unpaced audio lets the loop turn after as much as this. */
const BURST_BYTES = 256 * 1024;
const POLL_MS = 1;

/** Begins to send. */
export function openMicrophone(
  frames: Frames,
  options: MicrophoneOptions,
): Microphone {
  return options.speed === 0 ? pour(frames, options) : pace(frames, options);
}

/**
 * Each chunk is due when a microphone would have recorded it, which is at its end: `start + end / speed`,
 * whatever became of the chunks before. One task of the shared timer at a time, and no promise.
 */
function pace(
  { messages, endsMs }: Frames,
  { connection, call, speed, ended }: MicrophoneOptions,
): Microphone {
  const { clock } = call;
  const startMs = clock.now();
  call.mark("streamStart", startMs);
  let next = 0;
  let stop = clock.at(dueMs(), send);

  function dueMs(): number {
    return startMs + endsMs[next]! / speed;
  }

  function send(): void {
    const atMs = clock.now();
    connection.send(messages[next]!);
    call.audioSent({ dueMs: dueMs(), atMs, endMs: endsMs[next]! });
    next++;
    if (next === messages.length) ended();
    else stop = clock.at(dueMs(), send);
  }

  return {
    get sentMs() {
      return endsMs[next - 1] ?? 0;
    },
    stop: () => stop(),
  };
}

/** Sends what the connection takes, and comes back for the rest. */
function pour(
  { messages, endsMs }: Frames,
  { connection, call, ended }: MicrophoneOptions,
): Microphone {
  const { clock } = call;
  let next = 0;
  let stop = clock.at(clock.now(), burst);

  function burst(): void {
    let bytes = 0;
    while (next < messages.length) {
      if (bytes >= BURST_BYTES || connection.bufferedBytes > HIGH_WATER_BYTES) {
        stop = clock.at(clock.now() + POLL_MS, burst);
        return;
      }
      const message = messages[next]!;
      const atMs = clock.now();
      if (next === 0) call.mark("streamStart", atMs);
      connection.send(message);
      call.audioSent({ atMs, endMs: endsMs[next]! });
      bytes += message.length;
      next++;
    }
    ended();
  }

  return {
    get sentMs() {
      return endsMs[next - 1] ?? 0;
    },
    stop: () => stop(),
  };
}
