import type { Endpoint } from "./endpoint.ts";
import type { TargetSettings } from "./options.ts";
import { probe, type ProbeOptions } from "./probe.ts";
import { found } from "./server_text.ts";
import { isRequestError, RequestError, UsageError } from "../../plugins/mod.ts";

/** Where servers say that they are well. Not all of them do. */
const HEALTH_PATH = "/health";
const MODELS_PATH = "/v1/models";

/**
 * Asks the server whether it is well. A server without the usual path is well if it answers at all; the path that
 * `healthPath` names must be there.
 *
 * @throws {RequestError} If it is not, or does not answer.
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
    throw within(
      error,
      `healthPath: ${path} must answer 2xx (healthPath=off skips this check)`,
    );
  }
}

/**
 * The first model that the server lists.
 *
 * @throws {UsageError} If there is none.
 * @throws {RequestError} If the server cannot be asked.
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
        `model: the server does not list its models (GET ${MODELS_PATH} answered HTTP ${error.code}); give one by model=NAME`,
        { cause: error },
      );
    }
    throw within(
      error,
      `model: the server must list its models at ${MODELS_PATH}, unless one is given by model=NAME`,
    );
  }
  const models = modelsIn(body);
  const [model] = models ?? [];
  if (model !== undefined) return model;
  const what = models
    ? "an empty list"
    : `what is not a list of models: ${found(oneLine(ask.clean(body)))}`;
  throw new UsageError(
    `model: give one by model=NAME, as GET ${MODELS_PATH} answered with ${what}`,
  );
}

/** Statuses of a path that a server does not have, or has for other methods alone. */
export const NO_SUCH_PATH: readonly string[] = ["404", "405", "501"];

function isNoSuchPath(
  error: unknown,
): error is RequestError & { code: string } {
  return isRequestError(error) && error.class === "http_error" &&
    NO_SUCH_PATH.includes(error.code ?? "");
}

/** What an answer fell short of, in front of what it was; as it is, if there was none. */
function within(error: unknown, rule: string): unknown {
  if (!isRequestError(error) || error.class.startsWith("connect_")) {
    return error;
  }
  const { code, message } = error;
  return new RequestError("connect_error", `${rule}: ${message}`, {
    code,
    cause: error,
  });
}

/** The names in a list of models; `undefined` where the text is none. */
function modelsIn(body: string): string[] | undefined {
  let data: unknown;
  try {
    data = JSON.parse(body)?.data;
  } catch {
    return undefined;
  }
  if (!Array.isArray(data)) return undefined;
  const names = data.map((entry): unknown => entry?.id);
  return names.every(isName) ? names : undefined;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function oneLine(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}
