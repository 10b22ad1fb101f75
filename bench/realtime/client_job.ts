import type { Summary } from "../../core/report.ts";
import type { TransportName } from "../options.ts";

/** Client: earshot, or the least code that sends and receives the same messages. */
export type ClientKind = "earshot" | "bare";

/** Argument of a client process. */
export interface ClientJob {
  readonly kind: ClientKind;
  readonly transport: TransportName;
  /** `http://127.0.0.1:port` */
  readonly target: string;
  readonly streams: number;
  readonly chunkMs: number;
  readonly warmupMs: number;
  readonly windowMs: number;
}

/** Figures of the measured window. */
export interface ClientFigures {
  /** Messages sent: chunks of audio. */
  readonly sent: number;
  /** Messages received. */
  readonly received: number;
  /** Processor time of the process, all threads, user and system. */
  readonly cpuMs: number;
  /** Largest resident memory seen. */
  readonly rssBytes: number;
  /** Sent − due, in milliseconds. */
  readonly latenessMs: Summary;
}

/** Figures of the whole lifetime of the process, which only it can read. */
export interface ClientReport extends ClientFigures {
  /** Share of its lifetime in which its main thread was runnable but had no processor: load of other processes. Linux only. */
  readonly starved?: number;
}
