import { z } from "zod";
import {
  cleaner,
  headersOf,
  secretsIn,
  tlsOf,
} from "../connect/credentials.ts";
import { checkHealth, firstModel } from "../connect/discovery.ts";
import { endpointOf } from "../connect/endpoint.ts";
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
import { type Trace, traceTo } from "../connect/server_text.ts";
import { openTokenCounts, type TokenCounts } from "../openai/token_counts.ts";
import { connections } from "./connections.ts";
import type { Dialect } from "./dialects/dialect.ts";
import { vllm } from "./dialects/vllm.ts";
import { frameCache, type Frames } from "./microphone.ts";
import { nativeTransport } from "./transports/native.ts";
import type { Transport, TransportOptions } from "./transports/transport.ts";
import { wsTransport } from "./transports/ws.ts";
import { utter } from "./utterance.ts";
import {
  type Backend,
  type BackendPlugin,
  defineBackend,
  type OpenContext,
  type Turn,
} from "../../plugins/mod.ts";

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

/**
 * Streams speech over a WebSocket as a microphone would, and reads the transcript at the same time.
 *
 * @example Usage
 * ```ts
 * import { realtime } from "@earshot/earshot";
 *
 * const backend = realtime({ target: "http://127.0.0.1:8000" });
 * // backend.name is "realtime"
 * ```
 */
export const realtime: BackendPlugin<RealtimeOptions> = defineBackend({
  name: "realtime",
  summary:
    "Streams speech over a WebSocket at the speed of speech (vLLM /v1/realtime)",
  primary: "target",
  options: realtimeOptions,
  open,
});

const DIALECTS: Record<RealtimeSettings["dialect"], Dialect> = {
  vllm: vllm as Dialect,
};

const TRANSPORTS: Record<
  RealtimeSettings["transport"],
  (options: TransportOptions) => Transport | Promise<Transport>
> = { native: nativeTransport, ws: wsTransport };

/** Frames kept beside those that are being sent: some 80 clips of 10 s. */
const CACHE_BYTES = 32 * 1024 * 1024;

/** All that is read, asked and refused before the run happens here. */
async function open(
  options: RealtimeSettings,
  context: OpenContext,
): Promise<Backend<Frames>> {
  const endpoint = endpointOf(options.target, options.path);
  const headers = headersOf(options, endpoint, context);
  const tls = await tlsOf(options);
  const url = endpoint.socketUrl;
  const clean = cleaner([
    ...secretsIn(headers),
    ...secretsIn(url.searchParams),
  ]);
  const { connectTimeoutMs: timeoutMs } = options;
  const ask = { headers, tls, timeoutMs, signal: context.signal, clean };
  await checkHealth(options, endpoint, ask);
  const model = options.model ?? await firstModel(endpoint, ask);
  const transport = await TRANSPORTS[options.transport]({ url, headers, tls });
  const trace = traceTo(context, clean);
  const { signal } = context;
  const counts = openTokenCounts({
    tokenize: false,
    tokenizer: undefined,
    url,
    model,
    ask,
    warn: context.warn,
  });
  const parts = { transport, model, trace, clean, signal, counts };
  return streaming(options, { ...parts, shown: endpoint.shown });
}

/** What a backend is put together from, beside its options. */
interface Parts {
  readonly transport: Transport;
  readonly model: string;
  readonly trace: Trace | undefined;
  readonly signal: AbortSignal;
  readonly counts: TokenCounts;
  /** The server's address, for reports. */
  readonly shown: string;
  clean(text: string): string;
}

function streaming(
  options: RealtimeSettings,
  { transport, model, trace, signal, counts, shown, clean }: Parts,
): Backend<Frames> {
  const { mode, chunkMs, reuse } = options;
  const speed = options.speed ?? (mode === "batch" ? 0 : 1);
  const dialect = DIALECTS[options.dialect];
  const limits = limitsOf(options);
  const settings = { ...limits, dialect, mode, speed, trace, clean };
  const session = { model, extras: options.session };
  const pool = connections({ transport, dialect, session, reuse, trace });
  const maxBytes = CACHE_BYTES;
  const cache = frameCache({ dialect, chunkMs, signal, maxBytes });
  const { dialect: spoken, transport: carrier } = options;
  const how = { mode, speed, chunkMs, transport: carrier, reuse };
  let isClosed = false;
  return {
    needs: ["audio"],
    facts: { dialect: spoken, ...how, model, url: shown },
    ...(speed > 0 && { spreadMs: chunkMs / speed }),
    prepare: async (turn) => await cache.get(audioOf(turn)),
    async send({ prepared: frames }, call) {
      call.throwIfAborted();
      if (isClosed) throw new Error("Cannot send as the backend was closed");
      const connection = pool.take();
      const output = await utter(connection, { frames, call, settings });
      pool.giveBack(connection, call.clock.now());
      return output;
    },
    countTokens: (sample, _request, signal) =>
      counts.count(sample, () => undefined, signal),
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await transport[Symbol.asyncDispose]();
    },
  };
}

function limitsOf(options: RealtimeSettings) {
  const {
    connectTimeoutMs,
    readyTimeoutMs,
    receiveTimeoutMs,
    requestTimeoutMs,
    finalTimeoutMs,
    maxIgnoredEvents,
  } = options;
  return {
    connectTimeoutMs,
    readyTimeoutMs,
    receiveTimeoutMs,
    requestTimeoutMs,
    finalTimeoutMs,
    maxIgnoredEvents,
  };
}

function audioOf({ columns: { audio } }: Turn) {
  if (!audio) {
    throw new Error(
      "Cannot stream a turn as it must have audio: current value is none",
    );
  }
  return audio;
}
