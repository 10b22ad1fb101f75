import {
  type Backend,
  type BackendPlugin,
  defineBackend,
  type OpenContext,
  type Turn,
} from "../../plugins/mod.ts";
import { openTokenCounts, type TokenCounts } from "../openai/token_counts.ts";
import { connections } from "./connections.ts";
import type { Dialect } from "./dialects/dialect.ts";
import { vllm } from "./dialects/vllm.ts";
import { endpointOf } from "../connect/endpoint.ts";
import { frameCache, type Frames } from "./frames.ts";
import {
  type RealtimeOptions,
  realtimeOptions,
  type RealtimeSettings,
} from "./options.ts";
import {
  cleaner,
  headersOf,
  secretsIn,
  tlsOf,
} from "../connect/credentials.ts";
import { checkHealth, firstModel } from "../connect/discovery.ts";
import { type Trace, traceTo } from "../connect/trace.ts";
import { nativeTransport } from "./transports/native.ts";
import type { Transport, TransportOptions } from "./transports/transport.ts";
import { wsTransport } from "./transports/ws.ts";
import { utter } from "./utterance.ts";

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
