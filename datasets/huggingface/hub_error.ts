import { nearest as nearestName } from "../../lib/nearest.ts";
import { messageOf, UsageError } from "../../plugins/mod.ts";
import type { HubFetch } from "./hub_fetch.ts";

/** What an error is told with. */
export interface HubErrorContext {
  readonly dataset: string;
  readonly revision: string | undefined;
  readonly endpoint: URL;
  readonly fetch: HubFetch;
  /** The environment variable of the token; its value is never told. */
  readonly tokenEnv: string;
  readonly hasToken: boolean;
  /** Aborts when nobody needs it any more: that is no error of the hub's. */
  readonly signal: AbortSignal;
}

/** What the hub answered instead of data. */
export class HubStatusError extends Error {
  /** Makes one of a response's status, the hub's own code for it, and how long it asks to wait. */
  constructor(
    readonly status: number,
    readonly code: string | null,
    readonly retryAfterMs: number | undefined,
  ) {
    super(`the hub must answer with data: current value is status ${status}`);
    this.name = "HubStatusError";
  }
}

/** Throws unless the hub answered with data. */
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

/** What the user can do about an error of the hub's. */
export async function hubError(
  error: unknown,
  context: HubErrorContext,
): Promise<unknown> {
  if (isToldAlready(error, context)) return error;
  const { dataset, endpoint } = context;
  const refused = statusIn(error);
  const { rule, is } = refused
    ? await ofStatus(refused, context)
    : isStrangeAnswer(error)
    ? {
      rule: "'endpoint' must be a hub that answers as Hugging Face's does",
      is: `${endpoint.origin}, whose answer is another`,
    }
    : {
      rule: "'endpoint' must be a hub that can be reached",
      is: `${endpoint.origin} (${withoutQuery(messageOf(error))})`,
    };
  return refusal(dataset, { rule, is, cause: error });
}

/** The same for files that were found, but cannot be opened. */
export function fileError(
  error: unknown,
  context: HubErrorContext,
): Promise<unknown> {
  if (isToldAlready(error, context) || statusIn(error)) {
    return hubError(error, context);
  }
  return Promise.resolve(refusal(context.dataset, {
    rule: "its files must be there and whole",
    is: withoutQuery(messageOf(error)),
    cause: error,
  }));
}

/** What the library stumbles over where it is answered with no JSON, or with JSON of another shape. */
function isStrangeAnswer(error: unknown): boolean {
  return error instanceof SyntaxError ||
    error instanceof TypeError &&
      /is not iterable|is not a function|Cannot read propert/.test(
        error.message,
      );
}

function isToldAlready(error: unknown, { signal }: HubErrorContext): boolean {
  // What permission is missing is told where the program ends.
  return signal.aborted || error instanceof UsageError || isPermission(error);
}

function refusal(
  dataset: string,
  { rule, is, cause }: {
    readonly rule: string;
    readonly is: string;
    readonly cause: unknown;
  },
): UsageError {
  return new UsageError(
    `Cannot open the dataset ${dataset} as ${rule}: current value is ${is}`,
    { cause },
  );
}

/** The hub's refusal that is behind an error. */
function statusIn(error: unknown): HubStatusError | undefined {
  if (error instanceof HubStatusError) return error;
  return error instanceof Error ? statusIn(error.cause) : undefined;
}

async function ofStatus(
  { status, code }: HubStatusError,
  context: HubErrorContext,
): Promise<{ rule: string; is: string }> {
  const { dataset, revision, tokenEnv, hasToken, endpoint } = context;
  const token = hasToken
    ? `the token in ${tokenEnv}`
    : `no token (set ${tokenEnv}, or name another variable in 'tokenEnv')`;
  if (code === "RevisionNotFound") {
    return {
      rule: "'revision' must be a branch, a tag or a commit of it",
      is: revision ?? "main",
    };
  }
  if (code === "GatedRepo") {
    return {
      rule:
        `its owner must have given you access, which you ask for at ${endpoint.origin}/datasets/${dataset}, and 'tokenEnv' must name your token`,
      is: token,
    };
  }
  if (status === 404 || code === "RepoNotFound") {
    const near = await nearest(context);
    return {
      rule: hasToken
        ? `'dataset' must name one that is public or that ${token} may read`
        : `'dataset' must name one that is public, or 'tokenEnv' the token that may read it`,
      is: dataset + (near ? `; did you mean ${near}?` : ""),
    };
  }
  if (status === 401 || status === 403) {
    return {
      rule:
        `there must be a public dataset of that name, or 'tokenEnv' must name a token that may read it`,
      is: `status ${status} with ${token}`,
    };
  }
  if (status === 429) {
    return {
      rule:
        "the hub must not be asked too often: wait, or name your token in 'tokenEnv', which is allowed more",
      is: `status 429 with ${token}`,
    };
  }
  return {
    rule: "'endpoint' must be a hub that answers",
    is: `${endpoint.origin} with status ${status}`,
  };
}

/** The public dataset whose name is the nearest; nothing, where the hub does not tell. */
async function nearest(
  { dataset, endpoint, fetch }: HubErrorContext,
): Promise<string | undefined> {
  const word = dataset.split("/").at(-1) ?? dataset;
  const url = new URL(`/api/datasets`, endpoint);
  url.searchParams.set("search", word);
  url.searchParams.set("limit", "10");
  try {
    const { response } = await fetch(url);
    const found: unknown = await mustBeOk(response).json();
    const names = Array.isArray(found)
      ? found.map((each) => String(each?.id)).filter((name) => name !== dataset)
      : [];
    return nearestName(dataset, names);
  } catch {
    return undefined;
  }
}

/** Whether Deno was not given a permission. */
export function isPermission(error: unknown): error is Error {
  return error instanceof Deno.errors.NotCapable;
}

/** A text without what stands behind the question marks of URLs: signatures do. */
export function withoutQuery(text: string): string {
  return text.replace(
    /https?:\/\/[^\s"']+/g,
    (url) => url.replace(/\?[^)]*/g, ""),
  );
}
