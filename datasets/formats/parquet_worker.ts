import { serveWorker } from "../../lib/worker_rpc.ts";
import type { Row } from "./manifest.ts";
import { decodeRows, type RowsJob } from "./parquet_decode.ts";

/** Methods of the worker that decodes Parquet. */
export type ParquetWorker = typeof methods;

/** Methods that the worker calls in the thread that started it. */
export type ParquetOwner = {
  readonly addRows: (rows: readonly Row[]) => void;
};

/** Number of records per message: receiving many at once would hold up the other thread. */
const BATCH = 200;

const methods = {
  async decode(job: RowsJob): Promise<void> {
    const rows = await decodeRows(job);
    for (let at = 0; at < rows.length; at += BATCH) {
      const batch = rows.slice(at, at + BATCH);
      await owner.call("addRows", batch, buffersIn(batch));
    }
  },
};

const owner = serveWorker<ParquetOwner>(methods);

/** The buffers of all byte arrays in a value. */
function buffersIn(value: unknown): ArrayBuffer[] {
  if (typeof value !== "object" || value === null) return [];
  if (value instanceof Uint8Array) return [value.buffer as ArrayBuffer];
  return Object.values(value).flatMap(buffersIn);
}
