import {
  type Backend,
  type BackendPlugin,
  defineBackend,
  type OpenContext,
  type Turn,
} from "../../plugins/mod.ts";
import { connections } from "./connections.ts";
import type { Dialect } from "./dialects/dialect.ts";
import { vllm } from "./dialects/vllm.ts";
import { endpointOf } from "./endpoint.ts";
import { frameCache, type Frames } from "./frames.ts";
import {
  type RealtimeOptions,
  realtimeOptions,
  type RealtimeSettings,
} from "./options.ts";
import { cleaner, headersOf, secretsIn, tlsOf } from "./credentials.ts";
import { checkHealth, firstModel } from "./discovery.ts";
import { traceTo } from "./trace.ts";
import { nativeTransport } from "./transports/native.ts";
import type { Transport, TransportOptions } from "./transports/transport.ts";
import { wsTransport } from "./transports/ws.ts";
import { utter, type UtteranceSettings } from "./utterance.ts";

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

async function open(
  options: RealtimeSettings,
  context: OpenContext,
): Promise<Backend<Frames>> {
  const { mode, chunkMs, reuse } = options;
  const endpoint = endpointOf(options.target, options.path);
  const headers = headersOf(options, endpoint, context);
  const tls = await tlsOf(options);
  const clean = cleaner([
    ...secretsIn(headers),
    ...secretsIn(endpoint.socketUrl.searchParams),
  ]);
  const ask = {
    headers,
    tls,
    timeoutMs: options.connectTimeoutMs,
    signal: context.signal,
  };
  await checkHealth(options, endpoint, ask);
  const model = options.model ?? await firstModel(endpoint, ask, clean);
  const dialect = DIALECTS[options.dialect];
  const transport = await TRANSPORTS[options.transport]({
    url: endpoint.socketUrl,
    headers,
    tls,
  });
  const trace = traceTo(context, clean);
  const session = { model, extras: options.session };
  const speed = options.speed ?? (mode === "batch" ? 0 : 1);
  const settings: UtteranceSettings = {
    ...limitsOf(options),
    dialect,
    mode,
    speed,
    trace,
    clean,
  };
  const pool = connections({ transport, dialect, session, reuse, trace });
  const frames = frameCache({
    dialect,
    chunkMs,
    signal: context.signal,
    maxBytes: CACHE_BYTES,
  });
  let isClosed = false;
  return {
    needs: ["audio"],
    facts: {
      dialect: options.dialect,
      mode,
      speed,
      chunkMs,
      transport: options.transport,
      model,
      url: endpoint.shown,
      reuse,
    },
    ...(speed > 0 && { spreadMs: chunkMs / speed }),
    prepare: async (turn) => await frames.get(audioOf(turn)),
    async send({ prepared }, call) {
      call.signal.throwIfAborted();
      if (isClosed) {
        throw new Error(
          "Cannot send as the backend must be open: it was closed",
        );
      }
      const connection = pool.take();
      const output = await utter(connection, {
        frames: prepared,
        call,
        settings,
      });
      pool.giveBack(connection, call.clock.now());
      return output;
    },
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
    finalTimeoutMs,
    maxIgnoredEvents,
  } = options;
  return {
    connectTimeoutMs,
    readyTimeoutMs,
    receiveTimeoutMs,
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
