import { z } from "zod";
import { untilAborted } from "../../lib/abort.ts";
import { warnOnce } from "../../lib/warn_once.ts";
import {
  type Backend,
  type BackendPlugin,
  defineBackend,
  type Dialect,
  type DialectHandshake,
  type DialectPlugin,
  type DialectSession,
  isUsageError,
  loadPlugin,
  messageOf,
  type OpenContext,
  type Turn,
  UsageError,
} from "../../plugins/mod.ts";
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
  text,
} from "../connect/options.ts";
import { cleaner, traceTo } from "../connect/server_text.ts";
import { roundTripMs } from "../connect/rtt.ts";
import { openTarget, type Target } from "../connect/target.ts";
import {
  checkHeaders,
  isToken,
  secretsIn,
  withDefaults,
} from "../connect/credentials.ts";
import { TokenCounts } from "../openai/token_counts.ts";
import { ConnectionPool } from "./connections.ts";
import { frameCache, type Frames } from "./microphone.ts";
import { nativeTransport } from "./transports/native.ts";
import type { Transport, TransportOptions } from "./transports/transport.ts";
import { wsTransport } from "./transports/ws.ts";
import { utter } from "./utterance.ts";

/** Options of {@linkcode realtime}. */
export interface RealtimeOptions extends TargetOptions {
  /** Path of the protocol on the server. Default: the dialect's, which is `/v1/realtime` for vLLM. */
  path?: string;
  /**
   * The protocol that the server speaks: the name of a built-in dialect, or the file or URL of a module that exports
   * one. An object also gives the dialect's options.
   *
   * @default {"vllm"}
   */
  dialect?: string | { use: string; with?: Record<string, unknown> };
  /**
   * `stream` sends audio as a microphone would and reads the transcript at the same time. `batch` sends all of it and
   * only then lets the server begin, as GuideLLM does: for comparison.
   *
   * @default {"stream"}
   */
  mode?: "stream" | "batch";
  /**
   * Length of a chunk of audio, in milliseconds. Usual values are 20 to 1000.
   *
   * @default {100}
   */
  chunkMs?: number;
  /**
   * Speed relative to speech; 0 sends as fast as the server accepts, which batch mode always does.
   *
   * @default {1, or 0 in batch mode}
   */
  speed?: number;
  /**
   * Timeout for setting up a session when its socket is open, in milliseconds.
   *
   * @default {30000}
   */
  readyTimeoutMs?: number;
  /**
   * Timeout between two messages from the server during an utterance, in milliseconds; `"off"` or false for none.
   *
   * @default {120000 and the length of the audio}
   */
  receiveTimeoutMs?: number | "off" | false;
  /**
   * Timeout of the whole utterance including the connection, in milliseconds; `"off"` or false for none.
   *
   * @default {600000 and twice the length of the audio}
   */
  requestTimeoutMs?: number | "off" | false;
  /**
   * Timeout of the transcript from the end of the audio, in milliseconds.
   *
   * @default {10000 or half the audio, whichever is longer; for unpaced audio also its length}
   */
  finalTimeoutMs?: number;
  /**
   * Largest number of unknown events in an utterance.
   *
   * @default {50000}
   */
  maxIgnoredEvents?: number;
  /** Fields that the dialect adds to its own: those of `session.update` for vLLM, except `type` and `model`. */
  session?: Record<string, unknown>;
  /**
   * WebSocket implementation: Deno's own behind a relay, or the npm package `ws`.
   *
   * @default {"native" on Linux and macOS, else "ws"}
   */
  transport?: "native" | "ws";
  /**
   * Whether a connection is used for one utterance after another.
   *
   * @default {false}
   */
  reuse?: boolean;
}

/** {@linkcode RealtimeOptions} with defaults applied. */
export type RealtimeSettings = z.output<typeof realtimeOptions>;

const specifier = text(
  "must be a name, a file or a URL",
  (value) => value !== "",
);

/** The schema of {@linkcode RealtimeOptions}. */
export const realtimeOptions = z.strictObject({
  ...targetShape,
  path: path().optional().describe(
    "Path of the protocol on the server; default: the dialect's",
  ),
  dialect: z.union([
    specifier,
    z.strictObject({
      use: specifier,
      with: z.record(z.string(), z.unknown()).default({}),
    }),
  ]).default("vllm").describe(
    "Protocol of the server: a built-in dialect, a file or a URL",
  ),
  mode: z.enum(["stream", "batch"]).default("stream").describe(
    "Audio as from a microphone, or all of it before the server begins",
  ),
  chunkMs: number("must be between 10 and 60000", 10, 60_000).default(100)
    .describe("Length of a chunk of audio"),
  speed: number("must be between 0 (unpaced) and 100", 0, 100).optional()
    .describe(
      "Speed relative to speech; 0 is unpaced; default: 1, or 0 in batch mode",
    ),
  readyTimeoutMs: limit().default(30_000).describe(
    "Timeout for setting up a session",
  ),
  receiveTimeoutMs: offLimit().optional().describe(
    'Timeout between two messages from the server, or "off"; default: 120 s and the length of the audio',
  ),
  requestTimeoutMs: offLimit().optional().describe(
    'Timeout of the whole utterance, or "off"; default: 10 min and twice the length of the audio',
  ),
  finalTimeoutMs: limit().optional().describe(
    "Timeout of the transcript from the end of the audio; default: 10 s or half the audio, for unpaced audio also its length",
  ),
  maxIgnoredEvents: z.int(says("must be a whole number")).min(
    0,
    says("must not be negative"),
  ).default(50_000).describe(
    "Largest number of unknown events in an utterance",
  ),
  session: z.record(z.string(), z.unknown()).default({})
    .describe("Fields that the dialect adds to its own, as in session.update"),
  transport: z.enum(["native", "ws"]).default(() =>
    defaultTransport(Deno.build.os)
  ).describe("WebSocket implementation"),
  reuse: z.boolean().default(false).describe(
    "Whether a connection is used for one utterance after another",
  ),
}).superRefine((settings, context) => {
  const { mode, speed } = settings;
  if (mode === "batch" && speed) {
    refuse(
      context,
      "speed",
      `must be 0 in batch mode, which sends all audio at once, but was ${speed}`,
    );
  }
  refineTarget(settings, context);
});

/** The native transport needs a Unix socket. */
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

/** The built-in dialects, as in the catalogue. */
export const builtInDialects = {
  vllm: async (): Promise<DialectPlugin<never>> =>
    (await import("./dialects/vllm.ts")).vllm as DialectPlugin<never>,
};

const TRANSPORTS: Record<
  RealtimeSettings["transport"],
  (options: TransportOptions) => Transport | Promise<Transport>
> = { native: nativeTransport, ws: wsTransport };

/** Largest size of the frames that are kept, besides those in use: about 80 clips of 10 s. */
const CACHE_BYTES = 32 * 1024 * 1024;

async function open(
  options: RealtimeSettings,
  context: OpenContext,
): Promise<Backend<Frames>> {
  const { name, dialect } = await openDialect(options.dialect, context);
  const target = await openTarget(options, context, {
    scheme: "ws",
    path: options.path ?? dialect.path,
  });
  const session = { model: target.model, extras: options.session };
  const handshake = handshakeOf(dialect, session, `dialect ${name}`);
  const { query, headers, protocols } = handshake;
  // Each may contain a key.
  const secrets = [...Object.values(query), ...protocols]
    .filter((text) => text !== target.model);
  const hide = cleaner([...secretsIn(headers), ...secrets]);
  const clean = (text: string) => hide(target.clean(text));
  const transport = await openTransport(options.transport, target, handshake);
  const { mode, chunkMs, reuse, connectTimeoutMs } = options;
  const speed = options.speed ?? (mode === "batch" ? 0 : 1);
  const { signal, warn } = context;
  const { proxy } = target;
  const trace = traceTo(context, clean);
  const pool = new ConnectionPool({
    transport,
    dialect,
    session,
    reuse,
    trace,
    connectTimeoutMs,
  });
  const maxBytes = CACHE_BYTES;
  const framesFor = frameCache({
    dialect,
    dialectName: name,
    chunkMs,
    signal,
    maxBytes,
  });
  const settings = {
    ...options,
    dialect,
    dialectName: name,
    speed,
    trace,
    clean,
    proxy,
  };
  const counts = new TokenCounts({
    warn: warnOnce((text) => warn(clean(text))),
  });
  let isClosed = false;
  return {
    needs: ["audio"],
    facts: {
      dialect: name,
      mode,
      speed,
      chunkMs,
      transport: options.transport,
      reuse,
      ...target.facts,
    },
    connect: async (count, call) =>
      isClosed ? [] : await pool.openAhead(count, call),
    roundTripMs: (call) => roundTripMs(target.hop, call),
    // The decoding that goes on belongs to the dataset: a stage does not wait for it when it ends.
    prepare: async (turn, signal) =>
      await untilAborted(framesFor(audioOf(turn)), signal),
    async send({ prepared: frames }, call) {
      call.throwIfAborted();
      if (isClosed) throw new Error("the backend is closed");
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

/** Loads the dialect that an option names and opens it. */
async function openDialect(
  option: RealtimeSettings["dialect"],
  context: OpenContext,
): Promise<{ name: string; dialect: Dialect }> {
  const { use, with: options } = typeof option === "string"
    ? { use: option, with: {} }
    : option;
  const plugin = await loadPlugin("dialect", use, {
    catalogue: { dialect: builtInDialects },
    option: "dialect",
  });
  const dialect = await plugin(options).open(context);
  const { name } = plugin.definition;
  const { path, sampleRateHz } = dialect;
  if (typeof path !== "string") {
    throw new UsageError(
      `dialect ${name}: path must be a string, but was of type ${typeof path}`,
    );
  }
  if (!Number.isInteger(sampleRateHz) || sampleRateHz < 1) {
    throw new UsageError(
      `dialect ${name}: sampleRateHz must be a whole number above 0, but was ${sampleRateHz}`,
    );
  }
  return { name, dialect };
}

/**
 * Returns a dialect's parts of the handshake, checked as those of the options are. `place` begins the error.
 *
 * @throws {UsageError} If the dialect throws, or a part cannot be sent.
 */
function handshakeOf(
  dialect: Dialect,
  session: DialectSession,
  place: string,
): Required<DialectHandshake> {
  try {
    const { query = {}, headers = {}, protocols = [] } =
      dialect.handshake?.(session) ?? {};
    checkHeaders(headers, `${place}: headers`);
    for (const [name, value] of Object.entries(query)) {
      if (typeof value === "string") continue;
      throw new UsageError(
        `${place}: query: ${name} must be a string, but was of type ${typeof value}`,
      );
    }
    if (!protocols.every(isToken)) {
      throw new UsageError(`${place}: protocols must be tokens of HTTP`);
    }
    return { query, headers, protocols };
  } catch (error) {
    if (isUsageError(error)) throw error;
    throw new UsageError(`${place}: handshake failed: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Opens the transport, with the dialect's parts of the handshake. */
async function openTransport(
  name: RealtimeSettings["transport"],
  target: Target,
  { query, headers, protocols }: Required<DialectHandshake>,
): Promise<Transport> {
  const url = new URL(target.url);
  for (const [key, value] of Object.entries(query)) {
    if (!url.searchParams.has(key)) url.searchParams.set(key, value);
  }
  return await TRANSPORTS[name]({
    url,
    headers: withDefaults(target.ask.headers, headers),
    protocols,
    tls: target.ask.tls,
    proxy: target.proxy,
  });
}

function audioOf({ columns: { audio } }: Turn) {
  if (!audio) throw new Error("Cannot stream a turn without audio");
  return audio;
}
