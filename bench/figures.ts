import type { ClientFigures, ClientKind } from "./client_job.ts";
import type { TransportName } from "./options.ts";

/** One client's run. */
export interface Measured extends ClientFigures {
  readonly kind: ClientKind;
  readonly transport: TransportName;
  /** Share of one core that the server took over the whole run, connecting and all. */
  readonly serverCpu: number;
  /** The machine's load average when it began: what else was going on. */
  readonly loadBefore: number;
}

/** What a client cost, over all rounds. */
export interface Cost {
  /** Processor time ÷ messages, sent and received alike. */
  readonly cpuMicrosPerMessage: number;
  /** Share of one core. */
  readonly cpu: number;
  /** Worst of the rounds. */
  readonly latenessP50Ms: number;
  /** Worst of the rounds. */
  readonly latenessP99Ms: number;
  /** Most of the rounds. */
  readonly rssBytes: number;
  /** Chunks sent in a second, all streams together. */
  readonly sentPerSecond: number;
  /** Share of one core that the server took. */
  readonly serverCpu: number;
}

/** The figures of one client over one transport. */
export function costOf(rounds: readonly Measured[], windowMs: number): Cost {
  const sum = (value: (round: Measured) => number) =>
    rounds.reduce((total, round) => total + value(round), 0);
  const most = (value: (round: Measured) => number) =>
    Math.max(...rounds.map(value));
  const cpuMs = sum((round) => round.cpuMs);
  const seconds = rounds.length * windowMs / 1000;
  const messages = sum(({ sent, received }) => sent + received);
  return {
    cpuMicrosPerMessage: round(cpuMs * 1000 / messages, 2),
    cpu: round(cpuMs / (rounds.length * windowMs), 3),
    latenessP50Ms: round(most(({ latenessMs }) => latenessMs.p50), 2),
    latenessP99Ms: round(most(({ latenessMs }) => latenessMs.p99), 2),
    rssBytes: most(({ rssBytes }) => rssBytes),
    sentPerSecond: round(sum(({ sent }) => sent) / seconds, 0),
    serverCpu: round(most(({ serverCpu }) => serverCpu), 3),
  };
}

/** Cuts digits that mean nothing. */
export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
