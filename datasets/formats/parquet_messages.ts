import type { Row } from "./manifest_format.ts";
import type { RowsJob } from "./parquet_job.ts";

/** What a worker that reads Parquet is told. */
export type ToWorker =
  | { readonly kind: "run"; readonly id: number; readonly job: RowsJob }
  | {
    /** What it asked for. */
    readonly kind: "bytes";
    readonly id: number;
    readonly slice: number;
    readonly bytes: ArrayBuffer;
  }
  | {
    /** What it asked for cannot be had. */
    readonly kind: "failed";
    readonly id: number;
    readonly slice: number;
    readonly message: string;
  };

/** What it says: first that it is there. */
export type FromWorker =
  | { readonly kind: "ready" }
  | {
    /** Asks for bytes of the file. */
    readonly kind: "slice";
    readonly id: number;
    readonly slice: number;
    readonly start: number;
    readonly end: number;
  }
  /** Begins to decode what came for a job; until it is idle it hears nothing. */
  | { readonly kind: "busy"; readonly id: number }
  | { readonly kind: "idle" }
  /** Some of a job's records, in order. */
  | {
    readonly kind: "rows";
    readonly id: number;
    readonly rows: readonly Row[];
  }
  | { readonly kind: "done"; readonly id: number }
  | { readonly kind: "error"; readonly id: number; readonly message: string };
