import { datasetInfo, listDatasets, listFiles } from "@huggingface/hub";
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
  const { dataset: name } = hub;
  try {
    const info = await datasetInfo({
      ...connectionOf(hub),
      name,
      revision: revision ?? "main",
      additionalFields: ["cardData", "sha"],
    });
    const listed = listFiles({
      ...connectionOf(hub),
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

/** How the library reaches the hub. */
function connectionOf({ endpoint, fetch }: Hub) {
  return { hubUrl: addressOf(endpoint), fetch };
}

/** The endpoint without a slash at its end. */
function addressOf(endpoint: URL): string {
  return (endpoint.origin + endpoint.pathname).replace(/(?<!\/)\/+$/, "");
}

/**
 * Makes an error of the hub one that says what to do.
 *
 * @param file The dataset, if the error is about one of its files.
 */
export async function hubError(
  error: unknown,
  hub: Hub,
  file?: string,
): Promise<unknown> {
  // The command line explains missing permissions.
  const isFinal = hub.signal.aborted || error instanceof UsageError ||
    isPermission(error);
  if (isFinal) return error;
  const refused = statusIn(error);
  if (refused) {
    return new UsageError(await statusMessage(refused, hub), { cause: error });
  }
  // The library fails on an answer that is not JSON, or JSON of another shape.
  const isUnknown = file === undefined &&
    (error instanceof SyntaxError || error instanceof TypeError);
  const message = isUnknown
    ? `endpoint: must be a Hugging Face hub, but ${hub.endpoint.origin} answers differently`
    : `${file ?? "endpoint"}: ${messageOf(error)}`;
  return new UsageError(message, { cause: error });
}

function statusIn(error: unknown): HubStatusError | undefined {
  if (error instanceof HubStatusError) return error;
  return error instanceof Error ? statusIn(error.cause) : undefined;
}

async function statusMessage(
  { status, code }: HubStatusError,
  hub: Hub,
): Promise<string> {
  const { dataset, revision, tokenEnv, endpoint: { origin } } = hub;
  const token = hub.token !== undefined
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
    const query = dataset.split("/").at(-1)!;
    const found = listDatasets({
      ...connectionOf(hub),
      search: { query },
      limit: 10,
    });
    const names = await Array.fromAsync(found, ({ name }) => name)
      .catch(() => []);
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
