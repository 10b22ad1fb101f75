import { datasetInfo, listFiles } from "@huggingface/hub";
import { hubError } from "./hub_error.ts";
import type { Hub } from "./hub_fetch.ts";

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
