import { RequestError, UsageError } from "../../plugins/mod.ts";
import type { Endpoint } from "./endpoint.ts";
import type { TargetSettings } from "./options.ts";
import { probe, type ProbeOptions } from "./probe.ts";

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
    `Cannot start as ${healthPath} must answer 2xx (healthPath=off does without): current answer is ${status}`;
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
