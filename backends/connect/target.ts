import {
  isRequestError,
  type OpenContext,
  RequestError,
  UsageError,
} from "../../plugins/mod.ts";
import { fieldOf, tryJson } from "../../lib/json.ts";
import { headersOf, secretsIn } from "./credentials.ts";
import {
  type Endpoint,
  endpointOf,
  type Env,
  type Proxy,
  proxyFor,
  shownAddress,
} from "./endpoint.ts";
import type { TargetSettings } from "./options.ts";
import { probe, type ProbeOptions } from "./probe.ts";
import { cleaner, found, type Trace, traceTo } from "./server_text.ts";
import { tlsOf } from "./tls.ts";

/** A server that is ready for requests. */
export interface Target {
  /** The URL of the protocol. */
  readonly url: URL;
  /** The name of the model. */
  readonly model: string;
  /** The proxy on the way, if there is one. */
  readonly proxy: Proxy | undefined;
  /** The URL that connections go to: of the server, or of the proxy. */
  readonly hop: URL;
  /** Options of a request that does not belong to the run; headers, certificates and environment are those of all. */
  readonly ask: ProbeOptions & { readonly env: Env };
  /** Reports the traffic; `undefined` if it is not wanted. */
  readonly trace: Trace | undefined;
  /** The server as a report names it. */
  readonly facts: {
    readonly model: string;
    readonly url: string;
    readonly proxy?: string;
  };
  /** Returns the http or https URL of another path. */
  http(path: string): URL;
  /** Hides secrets in text from the server. */
  clean(text: string): string;
}

/** Options of {@linkcode openTarget} that the backend sets. */
export interface TargetProtocol {
  /** Whether the protocol runs over HTTP or over a WebSocket. */
  readonly scheme: "http" | "ws";
  /** The path of the protocol. */
  readonly path: string;
  /** Texts to hide in messages besides the headers and the query. @default {[]} */
  readonly secrets?: readonly string[];
}

/**
 * Prepares everything that requests to a server need: its address, headers, certificates and proxy. Then checks the
 * server's health, and asks for its model unless the options name one.
 *
 * @throws {UsageError} If an option or an environment variable cannot be used.
 * @throws {RequestError} If the server does not answer as it should.
 */
export async function openTarget(
  settings: TargetSettings,
  context: OpenContext,
  { scheme, path, secrets = [] }: TargetProtocol,
): Promise<Target> {
  const endpoint = endpointOf(settings.target, path);
  const headers = headersOf(settings, endpoint, context);
  const tls = await tlsOf(settings);
  const { env, signal } = context;
  const proxy = proxyFor(endpoint.http(path), env);
  const url = scheme === "ws" ? endpoint.socket(path) : endpoint.http(path);
  const clean = cleaner([
    ...secretsIn(headers),
    ...secretsIn(url.searchParams),
    ...secretsIn({ proxy: proxy?.authorization ?? "" }),
    ...secrets,
  ]);
  const { connectTimeoutMs: timeoutMs } = settings;
  const ask = { headers, tls, timeoutMs, signal, env, clean };
  await checkHealth(settings, endpoint, ask);
  const model = settings.model ?? await firstModel(endpoint, ask);
  return {
    url,
    model,
    proxy,
    hop: proxy?.url ?? url,
    ask,
    trace: traceTo(context, clean),
    facts: {
      model,
      url: shownAddress(url),
      ...(proxy && { proxy: proxy.url.origin }),
    },
    http: endpoint.http,
    clean,
  };
}

/** The usual path of a health check. Not all servers have it. */
const HEALTH_PATH = "/health";
const MODELS_PATH = "/v1/models";

/**
 * Checks that the server is healthy. A server without the usual path is healthy if it answers at all; the path that
 * `healthPath` names must exist.
 *
 * @throws {RequestError} If it is not healthy or does not answer.
 */
export async function checkHealth(
  { healthPath }: Pick<TargetSettings, "healthPath">,
  endpoint: Endpoint,
  ask: ProbeOptions,
): Promise<void> {
  if (healthPath === false || healthPath === "off") return;
  const path = healthPath ?? HEALTH_PATH;
  try {
    await probe(endpoint.http(path), { ...ask, statusOnly: true });
  } catch (error) {
    if (healthPath === undefined && isNoSuchPath(error)) return;
    throw withRule(
      error,
      `healthPath: ${path} must answer 2xx (healthPath=off skips this check)`,
    );
  }
}

/**
 * The first model that the server lists.
 *
 * @throws {UsageError} If it lists no model.
 * @throws {RequestError} If it does not answer.
 */
export async function firstModel(
  endpoint: Endpoint,
  ask: ProbeOptions,
): Promise<string> {
  let body: string;
  try {
    body = await probe(endpoint.http(MODELS_PATH), ask);
  } catch (error) {
    if (isNoSuchPath(error)) {
      throw new UsageError(
        `model: the server does not list its models (GET ${MODELS_PATH} answered HTTP ${error.code}); set it with model=NAME`,
        { cause: error },
      );
    }
    throw withRule(
      error,
      `model: the server must list its models at ${MODELS_PATH}, unless model=NAME is given`,
    );
  }
  const models = modelsIn(body);
  const [model] = models ?? [];
  if (model !== undefined) return model;
  const answer = models
    ? "an empty list"
    : `something other than a list of models: ${
      found(oneLine(ask.clean(body)))
    }`;
  throw new UsageError(
    `model: set it with model=NAME, as GET ${MODELS_PATH} answered with ${answer}`,
  );
}

/** Statuses of a path that a server does not have, or has for other methods only. */
export const NO_SUCH_PATH: readonly string[] = ["404", "405", "501"];

function isNoSuchPath(
  error: unknown,
): error is RequestError & { code: string } {
  return isRequestError(error) && error.class === "http_error" &&
    NO_SUCH_PATH.includes(error.code ?? "");
}

/** Puts the rule that an answer breaks in front of the failure. A failure to connect is left as it is. */
function withRule(error: unknown, rule: string): unknown {
  if (!isRequestError(error) || error.class.startsWith("connect_")) {
    return error;
  }
  const { code, message } = error;
  return new RequestError("connect_error", `${rule}: ${message}`, {
    code,
    cause: error,
  });
}

/** The names in a list of models; `undefined` if the text is not such a list. */
function modelsIn(body: string): string[] | undefined {
  const data = fieldOf(tryJson(body), "data");
  if (!Array.isArray(data)) return undefined;
  const names = data.map((entry) => fieldOf(entry, "id"));
  return names.every(isName) ? names : undefined;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function oneLine(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}
