/** How the hub is talked to. */
export interface HubFetchOptions {
  /** The hub's address: only what is of its origin is shown the token. */
  readonly endpoint: URL;
  readonly token: string | undefined;
  /** Longest time in which nothing may come, in milliseconds. */
  readonly timeoutMs: number;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

/** A `fetch` that knows the hub. What it answers is there as a whole. */
export type HubFetch = (
  url: string | URL,
  init?: RequestInit,
) => Promise<HubResponse>;

/** A response, and where it came from in the end. */
export interface HubResponse {
  readonly response: Response;
  readonly url: URL;
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const MAX_REDIRECTS = 8;
/** More than this is held by nobody. */
const MAX_BYTES = 2 ** 30;

/**
 * A `fetch` that sends the token to the hub and to nobody else: files lie on other hosts, to which the hub redirects
 * with a signature of its own.
 */
export function hubFetch(
  { endpoint, token, timeoutMs, signal }: HubFetchOptions,
): HubFetch {
  return async (input, init = {}) => {
    const signals = [signal, ...(init.signal ? [init.signal] : [])];
    let url = new URL(input);
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const headers = new Headers(init.headers);
      headers.delete("authorization");
      if (token !== undefined && url.origin === endpoint.origin) {
        headers.set("authorization", `Bearer ${token}`);
      }
      const response = await whole(
        url,
        { ...init, headers, signals },
        timeoutMs,
      );
      const to = response.headers.get("location");
      if (!REDIRECTS.includes(response.status) || to === null) {
        return { response, url };
      }
      url = new URL(to, url);
    }
    throw new Error(
      `the hub must redirect at most ${MAX_REDIRECTS} times: current value is more`,
    );
  };
}

/** Fetches all of a response, and gives up where nothing comes for too long. */
async function whole(
  url: URL,
  { signals, ...init }: RequestInit & { readonly signals: AbortSignal[] },
  timeoutMs: number,
): Promise<Response> {
  const late = new AbortController();
  const wait = () =>
    setTimeout(() => {
      late.abort(new Error(`something must come within ${timeoutMs} ms`));
    }, timeoutMs);
  let timer = wait();
  try {
    const { body, status, headers } = await fetch(url, {
      ...init,
      redirect: "manual",
      signal: AbortSignal.any([late.signal, ...signals]),
    });
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    for await (const piece of body ?? []) {
      clearTimeout(timer);
      timer = wait();
      pieces.push(piece);
      size += piece.length;
      if (size > MAX_BYTES) {
        throw new Error(
          `it must be at most ${MAX_BYTES} bytes: current value is more`,
        );
      }
    }
    const hasBody = ![101, 204, 205, 304].includes(status);
    return new Response(hasBody ? new Blob(pieces) : null, { status, headers });
  } finally {
    clearTimeout(timer);
  }
}
