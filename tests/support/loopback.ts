import { attempt } from "../../core/attempt.ts";
import { systemClock } from "../../core/clock.ts";
import type {
  AnsweredTurn,
  Configured,
  OpenContext,
  Sample,
  Turn,
} from "../../plugins/mod.ts";

/** A request that the server received. */
export interface Got {
  readonly path: string;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** A server that answers POST requests with a given function and always passes the health check. */
export interface Loopback extends AsyncDisposable {
  readonly target: string;
  readonly got: readonly Got[];
}

/** Starts a server. */
export function loopback(
  answer: (got: Got) => Response | Promise<Response>,
): Loopback {
  const got: Got[] = [];
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      const { headers, method } = request;
      if (method !== "POST") return new Response("");
      const { pathname: path } = new URL(request.url);
      const one = { path, headers, body: await request.json() };
      got.push(one);
      return answer(one);
    },
  );
  return {
    target: `http://127.0.0.1:${server.addr.port}`,
    got,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Returns a stream of the given chunks. */
export function streamed(body: BodyInit): Response {
  return new Response(body, {
    headers: { "content-type": "text/event-stream; charset=utf-8" },
  });
}

/** Sends the turns of one session through a backend, one sample each, until one fails. */
export async function talk(
  backend: Configured<"backend">,
  turns: readonly Turn[],
  context: Partial<OpenContext> = {},
): Promise<Sample[]> {
  const { signal } = new AbortController();
  const opened = await backend.open({
    env: () => undefined,
    warn: () => {},
    signal,
    ...context,
  });
  await using open = new AsyncDisposableStack();
  open.defer(async () => await opened[Symbol.asyncDispose]?.());
  const clock = systemClock();
  const samples: Sample[] = [];
  const history: AnsweredTurn[] = [];
  for (const [index, turn] of turns.entries()) {
    const prepared = await opened.prepare?.(turn, signal);
    const session = { id: "s", turn: index, history: [...history] };
    const sample = await attempt(
      opened,
      { id: index, turn, prepared, session },
      { stage: 0, phase: "measure", scheduledMs: 0, clock, signal },
    );
    samples.push(sample);
    if (sample.outcome.status !== "ok") break;
    history.push({ turn, prepared, output: sample.output });
  }
  return samples;
}
