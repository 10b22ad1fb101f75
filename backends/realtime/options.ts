import { z } from "zod";
import {
  limit,
  number,
  offLimit,
  path,
  refineTarget,
  refuse,
  says,
  type TargetOptions,
  targetShape,
} from "../connect/options.ts";

/** Options of {@linkcode realtime}. */
export interface RealtimeOptions extends TargetOptions {
  /**
   * Where the protocol lives on the server.
   *
   * @default {"/v1/realtime"}
   */
  path?: string;
  /**
   * The protocol that the server speaks.
   *
   * @default {"vllm"}
   */
  dialect?: "vllm";
  /**
   * `stream` sends audio as a microphone would and reads the transcript meanwhile. `batch` sends all of it and
   * only then lets the server begin, as GuideLLM does: for comparison.
   *
   * @default {"stream"}
   */
  mode?: "stream" | "batch";
  /**
   * Length of a piece of audio, in milliseconds: 20 to 1000 are sensible.
   *
   * @default {100}
   */
  chunkMs?: number;
  /**
   * Times as fast as speech; 0 sends as fast as the server takes it, which is what `batch` always does.
   *
   * @default {1}
   */
  speed?: number;
  /**
   * How long a session may take to be ready once its socket is open, in milliseconds.
   *
   * @default {30000}
   */
  readyTimeoutMs?: number;
  /**
   * Timeout between two messages from the server during an utterance, in milliseconds; `"off"` or false for none. 120 s
   * and the audio's length on top, unless given.
   */
  receiveTimeoutMs?: number | "off" | false;
  /**
   * Timeout of the whole utterance, from its connection on, in milliseconds; `"off"` or false for none. 10 min and twice
   * the audio's length on top, unless given.
   */
  requestTimeoutMs?: number | "off" | false;
  /** How long the transcript may take once the audio has ended, in milliseconds. 10 s or half the audio's length, whichever is more, and for unpaced audio its length on top, unless given. */
  finalTimeoutMs?: number;
  /**
   * How many unknown events an utterance may bring.
   *
   * @default {50000}
   */
  maxIgnoredEvents?: number;
  /** What else to put into `session.update`; anything but its `type` and `model`. */
  session?: Record<string, unknown>;
  /**
   * Who carries the messages: Deno's own WebSocket behind a relay, or the npm package `ws`.
   *
   * @default {"native" on Linux and macOS, else "ws"}
   */
  transport?: "native" | "ws";
  /**
   * Whether a connection takes one utterance after another, in place of one each.
   *
   * @default {false}
   */
  reuse?: boolean;
}

/** {@linkcode RealtimeOptions} with what was left out. */
export type RealtimeSettings = z.output<typeof realtimeOptions>;

/** The schema of {@linkcode RealtimeOptions}. */
export const realtimeOptions = z.strictObject({
  ...targetShape,
  path: path().default("/v1/realtime").describe(
    "Where the protocol lives on the server",
  ),
  dialect: z.enum(["vllm"]).default("vllm").describe(
    "The protocol that the server speaks",
  ),
  mode: z.enum(["stream", "batch"]).default("stream")
    .describe(
      "Audio as from a microphone, or all of it before the server begins",
    ),
  chunkMs: number("must be 10 to 60000 ms", 10, 60_000).default(100)
    .describe("Length of a piece of audio"),
  speed: number("must be 0 (unpaced) to 100", 0, 100).optional()
    .describe(
      "Times as fast as speech; 0 is unpaced. 1, or 0 in batch mode, unless given",
    ),
  readyTimeoutMs: limit().default(30_000).describe(
    "How long a session may take to be ready",
  ),
  receiveTimeoutMs: offLimit().optional().describe(
    'Timeout between two messages from the server, or "off"; 120 s and the audio\'s length on top, unless given',
  ),
  requestTimeoutMs: offLimit().optional().describe(
    'Timeout of the whole utterance, or "off"; 10 min and twice the audio\'s length on top, unless given',
  ),
  finalTimeoutMs: limit().optional().describe(
    "How long the transcript may take once the audio has ended; 10 s or half the audio, and for unpaced audio its length on top, unless given",
  ),
  maxIgnoredEvents: z.int(says("must be a whole number")).min(
    0,
    says("must not be negative"),
  )
    .default(50_000).describe("How many unknown events an utterance may bring"),
  session: z.record(z.string(), z.unknown()).default({})
    .refine((extras) => !("type" in extras || "model" in extras), {
      error:
        "Cannot set type or model by session as these are the protocol's and the model option's",
    })
    .describe("What else to put into session.update"),
  transport: z.enum(["native", "ws"]).default(() =>
    defaultTransport(Deno.build.os)
  )
    .describe("Who carries the messages"),
  reuse: z.boolean().default(false).describe(
    "Whether a connection takes one utterance after another",
  ),
}).superRefine((settings, context) => {
  const { mode, speed } = settings;
  if (mode === "batch" && speed) {
    refuse(
      context,
      "speed",
      `Cannot pace batch mode as it sends all at once: current value is ${speed}`,
    );
  }
  refineTarget(settings, context);
});

/** Native goes through a unix socket: `ws` where there are none to be had. */
export function defaultTransport(os: string): "native" | "ws" {
  return os === "linux" || os === "darwin" ? "native" : "ws";
}
