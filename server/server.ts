import { random } from "../lib/random.ts";
import { serverClock } from "./clock.ts";
import { createSeats, type ServerHost } from "./context.ts";
import { createHttp, type Endpoint } from "./http/endpoints.ts";
import { listen, pathOf } from "./http/listen.ts";
import { createLog, type LogEntry } from "./log.ts";
import { chat } from "./openai/chat.ts";
import { completions } from "./openai/completions.ts";
import { embeddings } from "./openai/embeddings.ts";
import { detokenize, tokenize } from "./openai/tokens.ts";
import { createResponses } from "./openai/responses.ts";
import { createSpeechEndpoints } from "./openai/transcriptions.ts";
import { createUpgrades } from "./realtime/upgrades.ts";
import { vllmRealtime } from "./realtime/vllm.ts";
import {
  checkOptions,
  REQUEST_DEFAULTS,
  SERVER_DEFAULTS,
  type ServerOptions,
  SESSION_DEFAULTS,
} from "./settings.ts";

/** A server that runs in this thread. */
export interface RunningServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, or `https:`. */
  readonly url: string;
  readonly port: number;
  /** Every event received and sent, oldest first. */
  log(): readonly LogEntry[];
  /** Closes every stream with 1012 and stops. */
  close(): Promise<void>;
}

/**
 * Starts the reference server in this thread.
 *
 * @throws {TypeError} If the value of an option is wrong.
 * @throws {Error} If the address is not free or not this machine's.
 */
export async function startServer(
  options: ServerOptions = {},
): Promise<RunningServer> {
  checkOptions(options);
  const { port, seed, maxFrameBytes, healthStatus, logEntries } = {
    ...SERVER_DEFAULTS,
    ...options,
  };
  const { model = "earshot-reference", pathPrefix = "", apiKey } = options;
  const { hostname = "127.0.0.1", tls, deflate = true } = options;
  const host: ServerHost = {
    models: options.models ?? [model],
    isAuthorized: (message) =>
      apiKey === undefined ||
      !pathOf(message).startsWith(`${pathPrefix}/v1`) ||
      message.headers.authorization === `Bearer ${apiKey}`,
    seats: createSeats(options.maxNumSeqs ?? Infinity),
    pathPrefix,
    seed,
    ids: random(seed, "ids"),
    clock: serverClock(),
    log: createLog(logEntries),
  };
  const session = { ...SESSION_DEFAULTS, ...options };
  const upgrades = createUpgrades({
    ...host,
    open: (connection) => vllmRealtime(connection, host),
    options: session,
    maxFrameBytes,
    deflate,
  });
  const http = createHttp({
    endpoints: endpointsOf(seed),
    defaults: { ...REQUEST_DEFAULTS, ...options },
    maxModelLen: session.maxModelLen,
    healthStatus,
  }, host);
  const listener = await listen({ hostname, port, tls }, {
    ...http,
    upgrade: upgrades.take,
  });

  let closing: Promise<void> | undefined;
  const stop = async () => {
    await upgrades.close();
    await listener.close();
  };
  const close = () => closing ??= stop();
  return {
    url: listener.url,
    port: listener.port,
    log: () => [...host.log.entries()],
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The endpoints with a model, by path. */
function endpointsOf(seed: number): Readonly<Record<string, Endpoint>> {
  const speech = createSpeechEndpoints(seed);
  return {
    "/v1/chat/completions": chat,
    "/v1/completions": completions,
    "/v1/responses": createResponses(),
    "/v1/embeddings": embeddings,
    "/v1/audio/transcriptions": speech.transcriptions,
    "/v1/audio/translations": speech.translations,
    "/tokenize": tokenize,
    "/detokenize": detokenize,
  };
}
