import type { Row } from "./manifest_format.ts";
import { runRowsJob, type Slice } from "./parquet_job.ts";
import type { FromWorker, ToWorker } from "./parquet_messages.ts";
import { plainRow } from "./parquet_values.ts";

/** What of a worker's scope is used here; the default library describes a window's. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(reply: FromWorker, transfer?: readonly Transferable[]): void;
}

/** Records that are sent at a time: whoever takes them has other things to do. */
const BATCH = 200;

const scope = self as unknown as WorkerScope;
const asked = new Map<string, PromiseWithResolvers<ArrayBuffer>>();
let slices = 0;

scope.onmessage = ({ data }) => {
  if (data.kind === "run") return void run(data);
  const key = `${data.id}/${data.slice}`;
  const settle = asked.get(key);
  asked.delete(key);
  if (data.kind === "failed") return settle?.reject(new Error(data.message));
  scope.postMessage({ kind: "busy", id: data.id });
  settle?.resolve(data.bytes);
  // By then all that hung on these bytes is done.
  setTimeout(() => scope.postMessage({ kind: "idle" }));
};

async function run(
  { id, job }: Extract<ToWorker, { kind: "run" }>,
): Promise<void> {
  try {
    const rows = await runRowsJob(job, sliceFor(id));
    for (let at = 0; at < rows.length; at += BATCH) {
      postRows(id, rows.slice(at, at + BATCH));
    }
    scope.postMessage({ kind: "done", id });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    scope.postMessage({ kind: "error", id, message });
  }
}

/** Hands records over, their bytes without a copy on the other side. */
function postRows(id: number, rows: readonly Row[]): void {
  const buffers: ArrayBuffer[] = [];
  const owned = (bytes: Uint8Array) => {
    // They are a part of a page that others are a part of, too.
    const own = bytes.slice();
    buffers.push(own.buffer);
    return own;
  };
  const batch = rows.map((row) => plainRow(row, owned));
  scope.postMessage({ kind: "rows", id, rows: batch }, buffers);
}

function sliceFor(id: number): Slice {
  return (start, end) => {
    const slice = slices++;
    const settle = Promise.withResolvers<ArrayBuffer>();
    asked.set(`${id}/${slice}`, settle);
    scope.postMessage({ kind: "slice", id, slice, start, end });
    return settle.promise;
  };
}

scope.postMessage({ kind: "ready" });
