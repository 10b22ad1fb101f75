import { type Context, Hono } from "hono";
import type { ServerClock } from "../clock.ts";
import type { Log } from "../log.ts";
import { randomHex } from "../ids.ts";
import type { Random } from "../random.ts";

/** What the HTTP routes work with. */
export interface HttpHost {
  readonly models: readonly string[];
  readonly maxModelLen: number;
  readonly apiKey: string | undefined;
  readonly healthStatus: number;
  readonly pathPrefix: string;
  readonly clock: ServerClock;
  readonly log: Log;
  readonly random: Random;
}

/** Everything that is asked over plain HTTP. */
export function httpApp(host: HttpHost): Hono {
  const app = new Hono().basePath(host.pathPrefix || "/");
  const { log } = host;
  app.use("*", async (context, next) => {
    if (isAuthorized(context.req.raw, host)) return await next();
    return context.json({ error: "Unauthorized" }, 401);
  });
  app.get("/health", () => empty(host.healthStatus));
  app.get("/ping", () => empty(200));
  app.get("/version", (context) => context.json({ version: "0.32.0" }));
  app.get("/v1/models", (context) => context.json(modelList(host)));
  app.get("/log", (context) => logResponse(context, log));
  app.delete("/log", () => {
    log.clear();
    return empty(204);
  });
  app.notFound((context) => context.json({ detail: "Not Found" }, 404));
  return app;
}

/** Whether a request may pass: only what lies below `/v1` is guarded. */
export function isAuthorized(
  request: { readonly url: string; readonly headers: Headers },
  { apiKey, pathPrefix }: Pick<HttpHost, "apiKey" | "pathPrefix">,
): boolean {
  if (apiKey === undefined) return true;
  const { pathname } = new URL(request.url);
  return !pathname.startsWith(`${pathPrefix}/v1`) ||
    request.headers.get("authorization") === `Bearer ${apiKey}`;
}

function empty(status: number): Response {
  return new Response(null, { status });
}

function modelList(
  { models, maxModelLen, clock, random }: HttpHost,
): unknown {
  const created = Math.floor(clock.now() / 1000);
  const data = models.map((id) => ({
    id,
    object: "model",
    created,
    owned_by: "vllm",
    root: id,
    parent: null,
    max_model_len: maxModelLen,
    permission: [{
      id: `modelperm-${randomHex(random)}`,
      object: "model_permission",
      created,
      allow_create_engine: false,
      allow_sampling: true,
      allow_logprobs: true,
      allow_search_indices: false,
      allow_view: true,
      allow_fine_tuning: false,
      organization: "*",
      group: null,
      is_blocking: false,
    }],
  }));
  return { object: "list", data };
}

/** The log as JSON Lines; how many entries were dropped stands in a header. */
function logResponse(context: Context, log: Log): Response {
  const since = Number(context.req.query("since") ?? 0);
  const session = context.req.query("session");
  const entries = log.entries({ since, ...(session && { session }) });
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      let lines = "";
      for (let n = 0; n < 1000; n++) {
        const { value, done } = entries.next();
        if (done) break;
        lines += JSON.stringify(value) + "\n";
      }
      if (lines) controller.enqueue(encoder.encode(lines));
      else controller.close();
    },
  });
  return new Response(body, {
    headers: {
      "content-type": "application/jsonl",
      "earshot-log-dropped": String(log.dropped),
    },
  });
}
