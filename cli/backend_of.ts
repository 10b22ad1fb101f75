import { type Configured, isUsageError } from "../plugins/mod.ts";
import { loadPlugin } from "../plugins/load.ts";
import { jsonSchemaOf } from "../plugins/problems.ts";
import { catalogue } from "../catalogue.ts";
import { pluginOf } from "./plugin_of.ts";
import { parseSpec, type Spec } from "../plugins/spec.ts";
import { parseOptions } from "../plugins/options.ts";

/** What names the backend and its server. */
export interface BackendFlags {
  readonly backend?: string;
  readonly target?: string;
  readonly model?: string;
}

/** Prompts for backends of text: the bundled speech would tell them nothing. */
const PROMPTS = "synthetic,inputTokens=128,outputTokens=64,count=24";
const OF_TEXT = ["chat", "completions", "responses", "embeddings"];

/** The data that a backend is sent where none is named. */
export function dataFor({ backend }: BackendFlags): string {
  return OF_TEXT.includes(specOf(backend)?.name ?? "") ? PROMPTS : "clips";
}

/**
 * The backend that is named, with all its options.
 *
 * @throws {UsageError} If there is none of that name, or options are refused.
 */
export function backendOf(
  { backend = "realtime", target, model }: BackendFlags,
): Promise<Configured<"backend">> {
  return pluginOf("backend", backend, { target, model });
}

/** Whether a built-in backend is to be used that wants a target, and none is named. */
export async function lacksTarget(
  { backend = "realtime", target }: BackendFlags,
): Promise<boolean> {
  const spec = specOf(backend);
  if (target !== undefined || !spec) return false;
  if (!Object.hasOwn(catalogue.backend, spec.name)) return false;
  const { definition } = await loadPlugin("backend", spec.name, { catalogue });
  const { required } = jsonSchemaOf(definition.options) ?? {};
  return Array.isArray(required) && required.includes("target") &&
    parseOptions(spec, definition).options.target === undefined;
}

/** Stands for a server that is not started yet, to hold options to their rules before. */
const SOMEWHERE = "http://127.0.0.1";

/**
 * Holds the options of a backend to their rules, before any server is started for it.
 *
 * @throws {UsageError} As {@linkcode backendOf} does.
 */
export async function checkBackend(flags: BackendFlags): Promise<void> {
  const target = await lacksTarget(flags) ? SOMEWHERE : flags.target;
  await backendOf({ ...flags, ...(target !== undefined && { target }) });
}

/** The backend, and the reference server where it lacks a target. */
export async function backendAndServer(flags: BackendFlags) {
  if (!await lacksTarget(flags)) {
    return { backend: await backendOf(flags), server: undefined };
  }
  await checkBackend(flags);
  const { startServerThread } = await import("../server/start_thread.ts");
  const server = await startServerThread();
  return { backend: await backendOf({ ...flags, target: server.url }), server };
}

/** What cannot be read is told where it is used. */
function specOf(backend = "realtime"): Spec | undefined {
  try {
    return parseSpec(backend);
  } catch (error) {
    if (isUsageError(error)) return undefined;
    throw error;
  }
}
