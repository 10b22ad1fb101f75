import { systemClock } from "../../core/clock.ts";
import { abortedBy } from "../../plugins/testing/backend.ts";
import type { Call, Clock, Instant } from "../../plugins/mod.ts";
import type {
  Http,
  HttpOptions,
  HttpRequest,
  ServerEvent,
} from "../../backends/http/http.ts";
import { openHttp } from "../../backends/http/transport.ts";

/** The record of one request. */
export interface Asked {
  endedMs?: number;
  marks: Partial<Record<Instant, number>>;
  readonly reads: { readonly bytes: number; readonly atMs: number }[];
  /** Times of events, in the order of their counting. */
  readonly counted: number[];
  readonly events: (ServerEvent & { readonly atMs: number })[];
  /** Number of retries. */
  retried: number;
  readonly bodies: { readonly text: string; readonly atMs: number }[];
  /** Calls made after the exchange had settled. */
  readonly late: string[];
  /** Resolves when the exchange has settled. */
  readonly settled: Promise<void>;
  /** The error of the exchange. */
  error?: Error & { class?: string; code?: string | undefined };
}

export interface AskOptions extends Partial<HttpRequest> {
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  /** Whether an event is the last. @default {the data is [DONE]} */
  last?(event: ServerEvent): boolean;
}

export const clock = systemClock();

/** Resolves once a condition holds, by polling: for state that has no event. */
export async function reached(test: () => boolean): Promise<void> {
  while (!test()) await clock.sleepUntil(clock.now() + 1);
}

/** Creates a transport with the defaults of most tests. */
export function open(options: Partial<HttpOptions> = {}): Http {
  return openHttp({
    headers: {},
    tls: { rejectUnauthorized: true },
    connectTimeoutMs: 10_000,
    reuse: true,
    retryStale: true,
    http2: false,
    env: () => undefined,
    clean: (text) => text.replaceAll("s3cret", "***"),
    ...options,
  });
}

/** Sends a request and records its events; never throws. */
export function ask(
  http: Pick<Http, "exchange">,
  url: URL,
  options: AskOptions = {},
): Asked {
  const { last = ({ data }) => data === "[DONE]" } = options;
  const { signal = new AbortController().signal } = options;
  const time = options.clock ?? clock;
  const asked: Omit<Asked, "settled"> = {
    marks: {},
    reads: [],
    counted: [],
    events: [],
    retried: 0,
    bodies: [],
    late: [],
  };
  let isOver = false;
  const note = (what: string) => void (isOver && asked.late.push(what));
  const call: Call = {
    ...abortedBy(signal),
    clock: time,
    read(bytes, atMs = time.now()) {
      note("read");
      asked.reads.push({ bytes, atMs });
      return atMs;
    },
    event(atMs) {
      note("event");
      asked.counted.push(atMs);
    },
    output: () => note("output"),
    buffered: () => note("buffered"),
    mark(instant, atMs = time.now()) {
      note(instant);
      asked.marks[instant] = atMs;
    },
    retried() {
      note("retried");
      asked.retried++;
      asked.marks = {};
    },
    sendWaited: () => {},
    arrived() {},
    waitingSince: () => 0,
    ended(atMs) {
      note("ended");
      asked.endedMs = atMs;
    },
    audioSent: () => {},
  };
  const settled = http.exchange(
    {
      url,
      contentType: options.contentType ?? "application/json",
      body: options.body ?? "{}",
    },
    call,
    {
      event(event, atMs) {
        asked.events.push({ ...event, atMs });
        return last(event);
      },
      body: (text, atMs) => void asked.bodies.push({ text, atMs }),
    },
  ).then(() => {}, (error) => void (whole.error = error))
    .finally(() => isOver = true);
  const whole: Asked = Object.assign(asked, { settled });
  return whole;
}

/** Sends a request and waits until it has settled. */
export async function asked(
  ...request: Parameters<typeof ask>
): Promise<Asked> {
  const all = ask(...request);
  await all.settled;
  return all;
}

/** Returns class, code and message of a failure. */
export function failureOf({ error }: Asked): readonly (string | undefined)[] {
  return [error?.class, error?.code, error?.message];
}
