import { RequestError, UsageError } from "../../plugins/mod.ts";
import type { Endpoint } from "./endpoint.ts";
import type { TargetSettings } from "./options.ts";
import { KEY_HINTS } from "./key_hints.ts";
import { probe, type ProbeOptions } from "./probe.ts";
import { found, snippet } from "./words.ts";

/**
 * Asks the server whether it is well.
 *
 * @throws {RequestError} If it is not, or does not answer.
 */
export async function checkHealth(
  { healthPath }: Pick<TargetSettings, "healthPath">,
  endpoint: Endpoint,
  ask: ProbeOptions,
): Promise<void> {
  if (healthPath === false || healthPath === "off") return;
  const { status } = await probe(endpoint.http(healthPath), ask);
  if (isGood(status)) return;
  const message =
    `Cannot start as ${healthPath} must answer 2xx (healthPath=off does without): current answer is ${status}${
      hintOf(status)
    }`;
  throw new RequestError("connect_error", message, { code: String(status) });
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
  clean: (text: string) => string,
): Promise<string> {
  const { status, body } = await probe(endpoint.http("/v1/models"), ask);
  if (status in KEY_HINTS) {
    const said = snippet(oneLine(clean(body)));
    const message = `Cannot list models: HTTP ${status}${said && ` ${said}`}${
      hintOf(status)
    }`;
    throw new RequestError("connect_error", message, { code: String(status) });
  }
  const models = isGood(status) ? modelsIn(body) : undefined;
  const [model] = models ?? [];
  if (model !== undefined) return model;
  throw new UsageError(
    `Cannot choose a model as none is configured and the server must list one: GET /v1/models answered ${status}${
      isGood(status) ? insteadOf(models, clean(body)) : ""
    }`,
  );
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

/** What came in place of a model's name. */
function insteadOf(models: string[] | undefined, body: string): string {
  return models
    ? " with a list that is empty"
    : `, which is no list of models: ${found(oneLine(body))}`;
}

function oneLine(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}

/** What the status says of the key, in brackets. */
function hintOf(status: number): string {
  const hint = KEY_HINTS[status];
  return hint === undefined ? "" : ` (${hint})`;
}

function isGood(status: number): boolean {
  return status >= 200 && status < 300;
}
