import { datasetInfo, listFiles } from "@huggingface/hub";
import { type Hub, HubStatusError, isPermission } from "./hub_fetch.ts";
import { didYouMean } from "../../lib/text.ts";
import { messageOf, UsageError } from "../../plugins/mod.ts";

/** A file of a dataset's repository. */
export interface HubFile {
  /** Path in the repository. */
  readonly path: string;
  /** Size in bytes. */
  readonly size: number;
  /** Identifies the content: files with the same content have the same id. */
  readonly contentId: string;
}

/** A dataset's repository at one commit. */
export interface Repository {
  readonly commit: string;
  readonly files: readonly HubFile[];
  /** The configurations in the dataset's card, as the hub has parsed them. */
  readonly configs: unknown;
}

/** The branch with the hub's conversion to Parquet. */
export const CONVERTED = "refs/convert/parquet";

/**
 * Looks up a dataset.
 *
 * @throws {UsageError} If it does not exist, may not be read, or the hub cannot be reached. The message says what to do.
 */
export async function lookUp(
  hub: Hub,
  revision = hub.revision,
): Promise<Repository> {
  const { dataset: name, endpoint } = hub;
  const common = { hubUrl: addressOf(endpoint), fetch: hub.fetch };
  try {
    const info = await datasetInfo({
      ...common,
      name,
      revision: revision ?? "main",
      additionalFields: ["cardData", "sha"],
    });
    const listed = listFiles({
      ...common,
      repo: { type: "dataset", name },
      revision: info.sha,
      recursive: true,
    });
    const files: HubFile[] = [];
    for await (const { type, path, size, oid, lfs, xetHash } of listed) {
      if (type !== "file") continue;
      const contentId = lfs?.oid ?? xetHash ?? oid ?? `${info.sha}/${path}`;
      files.push({ path, size: lfs?.size ?? size, contentId });
    }
    return { commit: info.sha, files, configs: info.cardData?.configs };
  } catch (error) {
    throw await hubError(error, { ...hub, revision });
  }
}

/** The URL of a file. */
export function fileUrl(
  { endpoint, dataset }: Hub,
  commit: string,
  path: string,
): URL {
  const parts = path.split("/").map(encodeURIComponent).join("/");
  return new URL(
    `${addressOf(endpoint)}/datasets/${dataset}/resolve/${commit}/${parts}`,
  );
}

/** The endpoint without a slash at its end. */
function addressOf(endpoint: URL): string {
  return (endpoint.origin + endpoint.pathname).replace(/(?<!\/)\/+$/, "");
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
    ? `the token in ${tokenEnv} was sent`
    : `no token was sent: set ${tokenEnv}, or name another variable with 'tokenEnv'`;
  if (code === "RevisionNotFound") {
    return `revision: ${dataset} has no branch, tag or commit "${
      revision ?? "main"
    }"`;
  }
  if (code === "GatedRepo") {
    return `dataset: ${dataset} is gated: request access at ${origin}/datasets/${dataset}; ${token}`;
  }
  if (status === 404 || code === "RepoNotFound") {
    const names = await similarDatasets(hub);
    return `dataset: unknown dataset "${dataset}"${
      didYouMean(dataset, names)
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

/** The names of public datasets that the hub finds for a name. */
async function similarDatasets(
  { dataset, endpoint, fetch }: Hub,
): Promise<string[]> {
  const url = new URL(`/api/datasets`, endpoint);
  url.searchParams.set("search", dataset.split("/").at(-1) ?? dataset);
  url.searchParams.set("limit", "10");
  try {
    const found: { id?: unknown }[] = await (await fetch(url)).json();
    return found.map(({ id }) => String(id)).filter((id) => id !== dataset);
  } catch {
    return [];
  }
}
