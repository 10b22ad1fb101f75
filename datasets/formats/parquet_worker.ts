import { serveWorker } from "../../lib/worker_rpc.ts";
import {
  decodeRows,
  type ParquetOwner,
  type ParquetWorker,
} from "./parquet_decode.ts";

/** Number of records per message: receiving many at once would hold up the other thread. */
const BATCH = 200;

const methods: ParquetWorker = {
  async decode(job) {
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
