import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { randomHex, type ServerHost } from "../context.ts";
import type { Log, LogEntry } from "../log.ts";
import { pathOf, queryOf } from "./listen.ts";

/** State of the routes without a model. */
export interface RouteHost extends ServerHost {
  readonly maxModelLen: number;
  readonly healthStatus: number;
}

/** Answers the routes without a model: health, version, models and the log. */
export function answerRoute(
  message: IncomingMessage,
  response: ServerResponse,
  host: RouteHost,
): void {
  message.resume();
  const path = pathOf(message);
  const route = path.startsWith(host.pathPrefix)
    ? path.slice(host.pathPrefix.length)
    : "";
  const method = message.method === "HEAD" ? "GET" : message.method;
  if (!host.isAuthorized(message)) {
    return sendJson(response, 401, { error: "Unauthorized" });
  }
  switch (`${method} ${route}`) {
    case "GET /health":
      return void response.writeHead(host.healthStatus).end();
    case "GET /ping":
      return void response.writeHead(200).end();
    case "GET /version":
      return sendJson(response, 200, { version: "0.32.0" });
    case "GET /v1/models":
      return sendJson(response, 200, modelList(host));
    case "GET /log":
      return sendLog(message, response, host.log);
    case "DELETE /log":
      host.log.clear();
      return void response.writeHead(204).end();
    default:
      return sendJson(response, 404, { detail: "Not Found" });
  }
}

/** Sends a JSON response. */
export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": new TextEncoder().encode(body).length,
    ...headers,
  }).end(body);
}

function modelList({ models, maxModelLen, clock, ids }: RouteHost): unknown {
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
      id: `modelperm-${randomHex(ids)}`,
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

/** Sends the log as JSON Lines, with the number of dropped entries in a header. */
function sendLog(
  message: IncomingMessage,
  response: ServerResponse,
  log: Log,
): void {
  const query = new URLSearchParams(queryOf(message));
  const since = Number(query.get("since") ?? 0);
  const session = query.get("session") || undefined;
  response.writeHead(200, {
    "content-type": "application/jsonl",
    "earshot-log-dropped": String(log.dropped),
  });
  Readable.from(jsonLines(log.entries({ since, session }))).pipe(response);
}

/** A thousand lines at a time. */
function* jsonLines(entries: Iterable<LogEntry>): Generator<string> {
  let lines: string[] = [];
  for (const entry of entries) {
    lines.push(JSON.stringify(entry) + "\n");
    if (lines.length < 1000) continue;
    yield lines.join("");
    lines = [];
  }
  if (lines.length > 0) yield lines.join("");
}
