import { datasetInfo, listFiles } from "@huggingface/hub";
import { hubError, type HubErrorContext, mustBeOk } from "./hub_error.ts";

/** A file of a dataset's repository. */
export interface HubFile {
  /** Its path in the repository. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** Stands for what is in it: the same content has the same id. */
  readonly contentId: string;
}

/** A dataset's repository at one commit. */
export interface Repository {
  /** The commit. */
  readonly commit: string;
  readonly files: readonly HubFile[];
  /** What its card says of configurations, as the hub has parsed it. */
  readonly configs: unknown;
}

/** The branch on which the hub keeps what it has converted to Parquet. */
export const CONVERTED = "refs/convert/parquet";

/**
 * Looks a dataset up.
 *
 * @throws {UsageError} If it is not there, not to be read, or the hub cannot be reached; what to do stands in it.
 */
export async function lookUp(
  context: HubErrorContext,
  revision = context.revision,
): Promise<Repository> {
  const { dataset: name, endpoint } = context;
  const common = { hubUrl: addressOf(endpoint), fetch: fetchFor(context) };
  try {
    const info = await datasetInfo({
      ...common,
      name,
      revision: revision ?? "main",
      additionalFields: ["cardData", "sha"],
    });
    const files: HubFile[] = [];
    const repo = { type: "dataset", name } as const;
    const listed = listFiles({
      ...common,
      repo,
      revision: info.sha,
      recursive: true,
    });
    for await (const { type, path, size, oid, lfs, xetHash } of listed) {
      if (type !== "file") continue;
      const contentId = lfs?.oid ?? xetHash ?? oid ?? `${info.sha}/${path}`;
      files.push({ path, size: lfs?.size ?? size, contentId });
    }
    return { commit: info.sha, files, configs: info.cardData?.configs };
  } catch (error) {
    throw await hubError(error, { ...context, revision });
  }
}

/** Where a file lies. */
export function fileUrl(
  { endpoint, dataset }: HubErrorContext,
  commit: string,
  path: string,
): URL {
  const parts = path.split("/").map(encodeURIComponent).join("/");
  return new URL(
    `${addressOf(endpoint)}/datasets/${dataset}/resolve/${commit}/${parts}`,
  );
}

/** An address to put paths behind. */
function addressOf(endpoint: URL): string {
  return (endpoint.origin + endpoint.pathname).replace(/(?<!\/)\/+$/, "");
}

/** The library tells refusals in words of its own: ours are told by status. */
function fetchFor({ fetch }: HubErrorContext): typeof globalThis.fetch {
  return async (input, init) => {
    const url = input instanceof Request ? input.url : input;
    const { response } = await fetch(url, init);
    return mustBeOk(response);
  };
}
