import type { Summary } from "../../core/report.ts";
import type { TransportName } from "../options.ts";

/** Which client: earshot as it is, or the least code that does the same on the wire. */
export type ClientKind = "earshot" | "bare";

/** Arguments of one client process. */
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

/** Figures of its measurement window. */
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

/** Figures of the whole lifetime, which only the process itself can read. */
export interface ClientReport extends ClientFigures {
  /** Share of its lifetime in which its main thread was runnable but had no processor: load of other processes. Linux only. */
  readonly starved?: number;
}
