import { datasetInfo, listFiles } from "@huggingface/hub";
import { readBody } from "../../lib/read_body.ts";
import { hubError, mustBeOk } from "./hub_error.ts";

/** A dataset on a hub, and the connection to it. */
export interface Hub {
  /** The dataset's name: `owner/name`. */
  readonly dataset: string;
  readonly revision: string | undefined;
  readonly endpoint: URL;
  readonly fetch: HubFetch;
  /** Environment variable of the token, whose value is never shown. */
  readonly tokenEnv: string;
  readonly hasToken: boolean;
  /** Aborts when the dataset is closed. */
  readonly signal: AbortSignal;
}

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
  const common = {
    hubUrl: addressOf(endpoint),
    // The library's own errors do not say what to do: statuses are checked here.
    fetch: async (input: URL | RequestInfo, init?: RequestInit) => {
      const url = input instanceof Request ? input.url : input;
      return mustBeOk((await hub.fetch(url, init)).response);
    },
  };
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

/** A `fetch` for a hub. The response's body has been read. */
export type HubFetch = (
  url: string | URL,
  init?: RequestInit,
) => Promise<{
  readonly response: Response;
  /** The URL after all redirects. */
  readonly url: URL;
}>;

/** Options of {@linkcode hubFetch}. */
export interface HubFetchOptions {
  /** The hub's address. */
  readonly endpoint: URL;
  readonly token: string | undefined;
  /** Longest time without any data, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborts all requests. */
  readonly signal: AbortSignal;
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const MAX_REDIRECTS = 8;
/** Largest response: it is held in memory. */
const MAX_BYTES = 2 ** 30;

/**
 * Makes a `fetch` that sends the token to the hub only. Files are on other hosts, to which the hub redirects with a
 * signature.
 */
export function hubFetch(
  { endpoint, token, timeoutMs, signal }: HubFetchOptions,
): HubFetch {
  return async (input, init = {}) => {
    const signals = init.signal ? [signal, init.signal] : [signal];
    let url = new URL(input);
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const headers = new Headers(init.headers);
      headers.delete("authorization");
      if (token !== undefined && url.origin === endpoint.origin) {
        headers.set("authorization", `Bearer ${token}`);
      }
      const request = { ...init, headers };
      const response = await fetchWhole(url, request, signals, timeoutMs);
      const to = response.headers.get("location");
      if (!REDIRECTS.includes(response.status) || to === null) {
        return { response, url };
      }
      url = new URL(to, url);
    }
    throw new Error(`the hub redirects more than ${MAX_REDIRECTS} times`);
  };
}

async function fetchWhole(
  url: URL,
  init: RequestInit,
  signals: readonly AbortSignal[],
  timeoutMs: number,
): Promise<Response> {
  const late = new AbortController();
  const wait = () =>
    setTimeout(
      () => late.abort(new Error(`nothing arrived within ${timeoutMs} ms`)),
      timeoutMs,
    );
  let timer = wait();
  try {
    const response = await fetch(url, {
      ...init,
      redirect: "manual",
      signal: AbortSignal.any([late.signal, ...signals]),
    });
    const bytes = await readBody(response, MAX_BYTES, () => {
      clearTimeout(timer);
      timer = wait();
    });
    const { status, headers } = response;
    const hasBody = ![101, 204, 205, 304].includes(status);
    return new Response(hasBody ? bytes : null, { status, headers });
  } finally {
    clearTimeout(timer);
  }
}
