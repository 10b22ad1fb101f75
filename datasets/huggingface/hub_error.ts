import { nearest } from "../../lib/nearest.ts";
import { messageOf, UsageError } from "../../plugins/mod.ts";
import type { Hub } from "./hub.ts";

/** An error status of the hub. */
export class HubStatusError extends Error {
  /** Creates the error with the hub's own error code and the time to wait that it asks for. */
  constructor(
    readonly status: number,
    readonly code: string | null,
    readonly retryAfterMs: number | undefined,
  ) {
    super(`the hub answered with status ${status}`);
    this.name = "HubStatusError";
  }
}

/** Throws a {@linkcode HubStatusError} unless the response is successful. */
export function mustBeOk(response: Response): Response {
  if (response.ok) return response;
  const { status, headers } = response;
  const seconds = Number(headers.get("retry-after") ?? NaN);
  throw new HubStatusError(
    status,
    headers.get("x-error-code"),
    seconds >= 0 ? seconds * 1000 : undefined,
  );
}

/** Makes an error of the hub one that says what to do. */
export async function hubError(error: unknown, hub: Hub): Promise<unknown> {
  if (isFinal(error, hub)) return error;
  const { endpoint: { origin } } = hub;
  const refused = statusIn(error);
  const message = refused
    ? await statusMessage(refused, hub)
    : isUnknownAnswer(error)
    ? `endpoint: must be a Hugging Face hub, but ${origin} answers differently`
    : `endpoint: cannot reach ${origin}: ${withoutQueries(messageOf(error))}`;
  return new UsageError(message, { cause: error });
}

/** The same for an error of files that were found but cannot be opened. */
export function fileError(error: unknown, hub: Hub): Promise<unknown> {
  if (isFinal(error, hub) || statusIn(error)) return hubError(error, hub);
  const message = `${hub.dataset}: ${withoutQueries(messageOf(error))}`;
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
    const { response } = await fetch(url);
    const found: unknown = await mustBeOk(response).json();
    const names = Array.isArray(found)
      ? found.map((each) => String(each?.id)).filter((name) => name !== dataset)
      : [];
    return nearest(dataset, names);
  } catch {
    return undefined;
  }
}

/** Whether Deno was not given a permission. */
export function isPermission(error: unknown): error is Error {
  return error instanceof Deno.errors.NotCapable;
}

/** A text without the queries of URLs, which contain signatures. */
export function withoutQueries(text: string): string {
  return text.replace(
    /https?:\/\/[^\s"']+/g,
    (url) => url.replace(/\?[^)]*/g, ""),
  );
}
