import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { Hono, type MiddlewareHandler } from "hono";
import type { Clock } from "../../core/clock.ts";
import { settlesWithin } from "../../lib/disposal.ts";
import { isLoopback } from "../../lib/host.ts";
import { type Configured, UsageError } from "../../plugins/mod.ts";
import { htmlPage } from "../../reporters/html/html_page.ts";
import { PageEvents } from "./page_events.ts";
import type { WebAddress } from "./web_address.ts";

/** The live page of a run. Disposing of it stops its server, once the open pages have the report. */
export interface WebView extends AsyncDisposable {
  /** URL of the page, with its token if it has one. */
  readonly url: string;
  /** Receives the run. */
  readonly view: Configured<"reporter">;
}

/** Pages that may be open at a time. */
const MAX_PAGES = 8;
/** Media type of server-sent events. */
const EVENTS = "text/event-stream";
/** Time that open pages have for the report when the run has ended. */
const REPORT_MS = 2000;

/**
 * Starts the server of the live page.
 *
 * @throws {UsageError} If it cannot listen at the address.
 */
export function startWebView(
  address: WebAddress,
  { clock }: { readonly clock: Clock },
): WebView {
  const token = address.isLoopback
    ? undefined
    : randomBytes(16).toString("hex");
  const page = new TextEncoder().encode(htmlPage({ events: "events" }));
  const events = new PageEvents(clock);
  const base = token === undefined ? "/" : "/:token/";
  const app = new Hono();
  app.use(headers, guard(token));
  app.get(
    base,
    (context) =>
      context.body(page, 200, { "content-type": "text/html; charset=utf-8" }),
  );
  app.get(
    `${base}events`,
    (context) =>
      events.pages < MAX_PAGES
        ? context.body(events.stream(), 200, { "content-type": EVENTS })
        : context.text("Too many pages are open\n", 503),
  );
  const closing = new AbortController();
  const server = listen(address, { app, signal: closing.signal });
  return {
    url: urlOf(address, server.addr.port, token),
    view: {
      kind: "reporter",
      name: "ui",
      options: {},
      open: () => Promise.resolve(events.reporter),
    },
    async [Symbol.asyncDispose]() {
      events.end();
      const isDone = await settlesWithin(REPORT_MS, server.shutdown(), clock);
      if (!isDone) closing.abort();
    },
  };
}

/** @throws {UsageError} If it cannot listen. */
function listen(
  { hostname, port, isDefault }: WebAddress,
  { app, signal }: { readonly app: Hono; readonly signal: AbortSignal },
): Deno.HttpServer<Deno.NetAddr> {
  const serve = (port: number) =>
    Deno.serve({ hostname, port, signal, onListen() {} }, app.fetch);
  try {
    try {
      return serve(port);
    } catch (error) {
      if (isDefault && error instanceof Deno.errors.AddrInUse) return serve(0);
      throw error;
    }
  } catch (cause) {
    throw new UsageError(
      `--ui: cannot listen at port ${port} of ${hostname}; give another port, or 0 for a free one`,
      { cause },
    );
  }
}

/** The URL for people: of a wildcard address the name of this machine. */
function urlOf(
  { hostname }: WebAddress,
  port: number,
  token: string | undefined,
): string {
  const isAny = hostname === "0.0.0.0" || hostname === "::";
  const name = isAny ? Deno.hostname() : hostname;
  const host = name.includes(":") ? `[${name}]` : name;
  return `http://${host}:${port}/${token === undefined ? "" : `${token}/`}`;
}

/**
 * Headers of every response. The page's policy is in the page. Nothing is compressed, as that would take time of the
 * thread that measures.
 */
const headers: MiddlewareHandler = async (context, next) => {
  await next();
  const set = (name: string, value: string) => context.header(name, value);
  set("cache-control", "no-store, no-transform");
  set("content-security-policy", "frame-ancestors 'none'");
  set("cross-origin-resource-policy", "same-origin");
  set("referrer-policy", "no-referrer");
  set("x-content-type-options", "nosniff");
};

/**
 * Refuses requests without the token; without any token, those that name another host than this machine: a site
 * whose name was made to lead here (DNS rebinding) could read the page.
 */
function guard(token: string | undefined): MiddlewareHandler {
  return async (context, next) => {
    // Hono answers HEAD as GET, and would leave the events of an open page unread.
    if (context.req.method !== "GET") return context.text("Only GET\n", 405);
    if (token === undefined) {
      const url = URL.parse(`http://${context.req.header("host")}`);
      if (!url || !isLoopback(url)) {
        return context.text("The Host header must name this machine\n", 403);
      }
    } else {
      const [, given = ""] = context.req.path.split("/");
      if (!isSame(given, token)) return context.text("Unknown token\n", 403);
    }
    await next();
  };
}

/** Compares two texts in a time that does not depend on where they differ. */
function isSame(a: string, b: string): boolean {
  const [one, other] = [a, b].map((text) =>
    createHash("sha256").update(text).digest()
  );
  return timingSafeEqual(one!, other!);
}
