import type { ClientKind, ClientReport } from "./client_job.ts";
import { median, round } from "../numbers.ts";
import type { TransportName } from "../options.ts";

/** Run of one client. */
export interface Measured extends ClientReport {
  readonly kind: ClientKind;
  readonly transport: TransportName;
  /** Share of one core that the server used over the whole run, including connecting. */
  readonly serverCpu: number;
  /** Load average of the machine at the start: work of other processes. */
  readonly loadBefore: number;
}

/** Cost of a client: medians of the rounds, on which one disturbed round has no effect. */
export interface Cost {
  /** Processor time ÷ messages sent and received. */
  readonly cpuMicrosPerMessage: number;
  /** Share of one core. */
  readonly cpu: number;
  readonly latenessP50Ms: number;
  readonly latenessP99Ms: number;
  readonly rssBytes: number;
  /** Chunks sent per second by all streams together. */
  readonly sentPerSecond: number;
  /** Share of one core that the server used. */
  readonly serverCpu: number;
  /** Share of the time in which the client was runnable but had no processor. */
  readonly starved: number;
}

/** Computes the figures of one client over one transport. */
export function costOf(rounds: readonly Measured[], windowMs: number): Cost {
  const middle = (value: (round: Measured) => number, digits: number) =>
    round(median(rounds.map(value)), digits);
  return {
    cpuMicrosPerMessage: middle(
      ({ cpuMs, sent, received }) => cpuMs * 1000 / (sent + received),
      2,
    ),
    cpu: middle(({ cpuMs }) => cpuMs / windowMs, 3),
    latenessP50Ms: middle(({ latenessMs }) => latenessMs.p50, 2),
    latenessP99Ms: middle(({ latenessMs }) => latenessMs.p99, 2),
    rssBytes: middle(({ rssBytes }) => rssBytes, 0),
    sentPerSecond: middle(({ sent }) => sent * 1000 / windowMs, 0),
    serverCpu: middle(({ serverCpu }) => serverCpu, 3),
    starved: middle(({ starved = 0 }) => starved, 3),
  };
}
