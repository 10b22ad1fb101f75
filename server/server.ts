import { random } from "../lib/random.ts";
import { serverClock } from "./clock.ts";
import { createSeats, type ServerHost } from "./context.ts";
import { createHttp, type Endpoint } from "./http/endpoints.ts";
import { listen } from "./http/listen.ts";
import { createLog, type LogEntry } from "./log.ts";
import { chat } from "./openai/chat.ts";
import { completions } from "./openai/completions.ts";
import { embeddings } from "./openai/embeddings.ts";
import { detokenize, tokenize } from "./openai/tokens.ts";
import { createResponses } from "./openai/responses.ts";
import { createSpeech } from "./openai/transcriptions.ts";
import { createUpgrades } from "./realtime/upgrades.ts";
import { resolveOptions, type ServerOptions } from "./settings.ts";
import { createFileRecognizer } from "./speech.ts";

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
  const resolved = resolveOptions(options);
  const { model, models = [model], seed } = resolved;
  const host: ServerHost = {
    options: resolved,
    models,
    seats: createSeats(resolved.maxNumSeqs ?? Infinity),
    ids: random(seed, "ids"),
    clock: serverClock(),
    log: createLog(resolved.logEntries),
  };
  const upgrades = createUpgrades(host);
  const http = createHttp(host, endpointsOf(seed));
  const listener = await listen(resolved, { ...http, upgrade: upgrades.take });

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
function endpointsOf(seed: number): ReadonlyMap<string, Endpoint> {
  const recognize = createFileRecognizer(seed);
  return new Map([
    ["/v1/chat/completions", chat],
    ["/v1/completions", completions],
    ["/v1/responses", createResponses()],
    ["/v1/embeddings", embeddings],
    ["/v1/audio/transcriptions", createSpeech("transcription", recognize)],
    ["/v1/audio/translations", createSpeech("translation", recognize)],
    ["/tokenize", tokenize],
    ["/detokenize", detokenize],
  ]);
}
