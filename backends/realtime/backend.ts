import {
  type Backend,
  type BackendPlugin,
  defineBackend,
  type OpenContext,
  RequestError,
  type Turn,
  UsageError,
} from "../../plugins/mod.ts";
import { connections } from "./connections.ts";
import type { Dialect } from "./dialects/dialect.ts";
import { vllm } from "./dialects/vllm.ts";
import { type Endpoint, endpointOf } from "./endpoint.ts";
import { frameCache, type Frames } from "./frames.ts";
import {
  type RealtimeOptions,
  realtimeOptions,
  type RealtimeSettings,
} from "./options.ts";
import { probe, type ProbeOptions } from "./probe.ts";
import { cleaner } from "./secrets.ts";
import { traceTo } from "./trace.ts";
import { nativeTransport } from "./transports/native.ts";
import type {
  TlsOptions,
  Transport,
  TransportOptions,
} from "./transports/transport.ts";
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
    prepare: (turn) => frames.get(audioOf(turn)),
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

/** @throws {UsageError} If the key's variable is not set, or a header is none. */
function headersOf(
  { headers, apiKeyEnv }: RealtimeSettings,
  { authorization }: Endpoint,
  context: OpenContext,
): Record<string, string> {
  try {
    new Headers(headers);
  } catch (cause) {
    throw new UsageError(
      "Cannot use headers as each must be a name and a value of HTTP",
      { cause },
    );
  }
  if (apiKeyEnv === undefined) {
    return { ...(authorization && { authorization }), ...headers };
  }
  const key = context.env(apiKeyEnv);
  if (!key) {
    throw new UsageError(
      `Cannot use apiKeyEnv as the environment variable must be set: current value is ${apiKeyEnv}`,
    );
  }
  return { ...headers, Authorization: `Bearer ${key}` };
}

/** Every value that came by a header or the query may be one, the word before a key left out. */
function secretsIn(values: Record<string, string> | URLSearchParams): string[] {
  const pairs = values instanceof URLSearchParams
    ? [...values]
    : Object.entries(values);
  return pairs.map(([, value]) => value.replace(/^(Bearer|Basic) /i, ""));
}

async function tlsOf(
  { caCert, clientCert, clientKey, insecure }: RealtimeSettings,
): Promise<TlsOptions> {
  return {
    ...(caCert !== undefined && { ca: await pemOf("caCert", caCert) }),
    ...(clientCert !== undefined &&
      { cert: await pemOf("clientCert", clientCert) }),
    ...(clientKey !== undefined &&
      { key: await pemOf("clientKey", clientKey) }),
    rejectUnauthorized: !insecure,
  };
}

async function pemOf(option: string, path: string): Promise<string> {
  const rule =
    `Cannot use ${option} as it must be a file in PEM: current value is ${path}`;
  const text = await Deno.readTextFile(path).catch((cause) => {
    throw new UsageError(rule, { cause });
  });
  if (!text.includes("-----BEGIN ")) throw new UsageError(rule);
  return text;
}

async function checkHealth(
  { healthPath }: RealtimeSettings,
  endpoint: Endpoint,
  ask: ProbeOptions,
): Promise<void> {
  if (healthPath === false || healthPath === "off") return;
  const { status } = await probe(endpoint.http(healthPath), ask);
  if (isGood(status)) return;
  const message =
    `Cannot start as ${healthPath} must answer 2xx (healthPath=off does without): current answer is ${status}`;
  throw new RequestError("connect_error", message, { code: String(status) });
}

/** @throws {UsageError} If there is none. */
async function firstModel(
  endpoint: Endpoint,
  ask: ProbeOptions,
  clean: (text: string) => string,
): Promise<string> {
  const { status, body } = await probe(endpoint.http("/v1/models"), ask);
  if (status === 401 || status === 403) {
    const message = `Cannot list models: HTTP ${status} ${
      clean(body.slice(0, 300))
    }`.trim();
    throw new RequestError("connect_error", message, { code: String(status) });
  }
  const model = isGood(status) ? modelIn(body) : undefined;
  if (model !== undefined) return model;
  throw new UsageError(
    `Cannot choose a model as none is configured and the server must list one: GET /v1/models answered ${status}`,
  );
}

function modelIn(body: string): string | undefined {
  try {
    const id: unknown = JSON.parse(body)?.data?.[0]?.id;
    return typeof id === "string" && id !== "" ? id : undefined;
  } catch {
    return undefined;
  }
}

function isGood(status: number): boolean {
  return status >= 200 && status < 300;
}
