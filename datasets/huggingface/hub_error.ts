import { nearest } from "../../lib/text.ts";
import { messageOf, UsageError } from "../../plugins/mod.ts";
import { type Hub, HubStatusError, isPermission } from "./hub_fetch.ts";

/** Makes an error of the hub one that says what to do. */
export async function hubError(error: unknown, hub: Hub): Promise<unknown> {
  if (isFinal(error, hub)) return error;
  const { endpoint: { origin } } = hub;
  const refused = statusIn(error);
  const message = refused
    ? await statusMessage(refused, hub)
    : isUnknownAnswer(error)
    ? `endpoint: must be a Hugging Face hub, but ${origin} answers differently`
    : `endpoint: ${messageOf(error)}`;
  return new UsageError(message, { cause: error });
}

/** The same for an error of files that were found but cannot be opened. */
export function fileError(error: unknown, hub: Hub): Promise<unknown> {
  if (isFinal(error, hub) || statusIn(error)) return hubError(error, hub);
  const message = `${hub.dataset}: ${messageOf(error)}`;
  return Promise.resolve(new UsageError(message, { cause: error }));
}

/** Whether an error needs no explanation. The command line explains missing permissions. */
function isFinal(error: unknown, { signal }: Hub): boolean {
  return signal.aborted || error instanceof UsageError || isPermission(error);
}

/** Whether the library failed on an answer that is not JSON, or JSON of another shape. */
function isUnknownAnswer(error: unknown): boolean {
  return error instanceof SyntaxError ||
    error instanceof TypeError &&
      /is not iterable|is not a function|Cannot read propert/.test(
        error.message,
      );
}

function statusIn(error: unknown): HubStatusError | undefined {
  if (error instanceof HubStatusError) return error;
  return error instanceof Error ? statusIn(error.cause) : undefined;
}

async function statusMessage(
  { status, code }: HubStatusError,
  hub: Hub,
): Promise<string> {
  const { dataset, revision, tokenEnv, hasToken, endpoint: { origin } } = hub;
  const token = hasToken
    ? `the token is that in ${tokenEnv}`
    : `no token was sent: set ${tokenEnv}, or name another variable in 'tokenEnv'`;
  if (code === "RevisionNotFound") {
    return `revision: ${dataset} has no branch, tag or commit "${
      revision ?? "main"
    }"`;
  }
  if (code === "GatedRepo") {
    return `dataset: ${dataset} is gated: request access at ${origin}/datasets/${dataset}; ${token}`;
  }
  if (status === 404 || code === "RepoNotFound") {
    const near = await nearestDataset(hub);
    return `dataset: unknown dataset "${dataset}"${
      near ? `; did you mean "${near}"?` : ""
    } (a private one needs a token that may read it; ${token})`;
  }
  if (status === 401 || status === 403) {
    return `dataset: ${dataset} may not be read: status ${status}; ${token}`;
  }
  if (status === 429) {
    return `endpoint: too many requests to ${origin}: wait, or use a token, which is allowed more; ${token}`;
  }
  return `endpoint: ${origin} answered with status ${status}`;
}

/** The public dataset with the nearest name, if the hub can search. */
async function nearestDataset(
  { dataset, endpoint, fetch }: Hub,
): Promise<string | undefined> {
  const url = new URL(`/api/datasets`, endpoint);
  url.searchParams.set("search", dataset.split("/").at(-1) ?? dataset);
  url.searchParams.set("limit", "10");
  try {
    const found: unknown = await (await fetch(url)).json();
    const names = Array.isArray(found)
      ? found.map((each) => String(each?.id)).filter((name) => name !== dataset)
      : [];
    return nearest(dataset, names);
  } catch {
    return undefined;
  }
}
