/** Workload: the response of the server and the figure to measure. */
export type ScenarioName = "json" | "events" | "paced";

/** Workload and its load. */
export interface Scenario {
  /** Requests in flight. */
  readonly concurrency: number;
  /** Whether the answer is streamed. */
  readonly stream: boolean;
  /** Title in tables. */
  readonly title: string;
}

/** Number of events in an answer of `events`. */
export const EVENTS = 100;
/** Time between the events of a `paced` stream. */
export const PACE_MS = 50;

/** Scenarios by name, which is also a path of the server. */
export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  json: { concurrency: 32, stream: false, title: "plain JSON" },
  events: {
    concurrency: 16,
    stream: true,
    title: `SSE, ${EVENTS} events an answer, unpaced`,
  },
  paced: {
    concurrency: 1024,
    stream: true,
    title: "SSE, 1,024 streams of 20 events/s",
  },
};

/** Client: the least code that does the same, the chat backend alone, or earshot. */
export type ClientKind = "bare" | "backend" | "earshot";

/** Argument of a client process. */
export interface HttpJob {
  readonly kind: ClientKind;
  readonly scenario: ScenarioName;
  /** `http://127.0.0.1:port` */
  readonly target: string;
  readonly warmupMs: number;
  readonly windowMs: number;
}

/** Figures of the measured window. */
export interface HttpFigures {
  /** Complete answers. */
  readonly requests: number;
  /** Events of all answers. */
  readonly events: number;
  /** Processor time of the process, all threads, user and system. */
  readonly cpuMs: number;
  /** Resident memory at the end. */
  readonly rssBytes: number;
  /** Received − sent by the server, of every paced event. */
  readonly delayMs?: { readonly p50: number; readonly p99: number };
  /** Share of its lifetime in which its main thread was runnable but had no processor. */
  readonly starved?: number;
}

/** Body of the request, the same in all clients. */
export const PROMPT = "How long is a piece of string?";
