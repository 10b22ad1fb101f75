import { serverClock } from "./clock.ts";
import { httpApp, isAuthorized } from "./http/routes.ts";
import { listen } from "./http/listen.ts";
import { createLog, type LogEntry } from "./log.ts";
import { createEndpoints } from "./http/endpoints.ts";
import { openAiEndpoints } from "./openai/mod.ts";
import {
  REQUEST_DEFAULTS,
  type ServerOptions,
  SESSION_DEFAULTS,
} from "./options.ts";
import { random } from "./random.ts";
import { createSeats } from "./seats.ts";
import { vllmRealtime } from "./realtime/vllm.ts";
import { knownClips } from "./speech/known_clips.ts";
import { checkOptions } from "./settings.ts";
import { createUpgrades } from "./realtime/upgrades.ts";

/** A server that runs in this thread. */
export interface RunningServer extends AsyncDisposable {
  /** `http://127.0.0.1:port`, or `https:`. */
  readonly url: string;
  /** Where it listens. */
  readonly port: number;
  /** Every event received and sent, oldest first. */
  log(): readonly LogEntry[];
  /** Closes every stream with 1012 and stops. */
  close(): Promise<void>;
}

/**
 * Starts the reference server in this thread.
 *
 * @throws {TypeError} An option is out of its range, or none of its words.
 */
export async function startServer(
  options: ServerOptions = {},
): Promise<RunningServer> {
  checkOptions(options);
  const { model = "earshot-reference", seed = 1, pathPrefix = "" } = options;
  const models = options.models ?? [model];
  const clock = serverClock();
  const log = createLog(options.logEntries ?? 1_000_000);
  const ids = random(seed, "ids");
  const seats = createSeats(options.maxNumSeqs ?? Infinity);
  const session = {
    ...SESSION_DEFAULTS,
    ...options,
    finalTokenMs: options.finalTokenMs ?? options.tokenMs ??
      SESSION_DEFAULTS.finalTokenMs,
  };
  const http = {
    models,
    maxModelLen: session.maxModelLen,
    apiKey: options.apiKey,
    healthStatus: options.healthStatus ?? 200,
    pathPrefix,
    clock,
    log,
    random: ids,
  };
  const clips = knownClips();
  const upgrades = createUpgrades({
    routes: {
      [`${pathPrefix}/v1/realtime`]: (connection) =>
        vllmRealtime(connection, { models, seats, clips }),
    },
    isAuthorized: (request) => isAuthorized(request, http),
    options: session,
    seed,
    ids,
    maxFrameBytes: options.maxFrameBytes ?? 16_777_216,
    deflate: options.deflate ?? true,
    clock,
    log,
  });
  const endpoints = createEndpoints(openAiEndpoints(), {
    models,
    isAuthorized: (request) => isAuthorized(request, http),
    options: { ...REQUEST_DEFAULTS, ...options },
    pathPrefix,
    seats,
    clips,
    seed,
    ids,
    clock,
    log,
  });
  const { hostname = "127.0.0.1", port = 0, tls } = options;
  const listener = await listen({ hostname, port, tls }, {
    ...endpoints,
    fetch: httpApp(http).fetch,
    upgrade: upgrades.take,
  });

  let closing: Promise<void> | undefined;
  const stop = async () => {
    await upgrades.close();
    clock.stop();
    await listener.close();
  };
  const close = () => closing ??= stop();
  return {
    url: listener.url,
    port: listener.port,
    log: () => [...log.entries()],
    close,
    [Symbol.asyncDispose]: close,
  };
}
