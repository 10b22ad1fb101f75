import {
  type DecodeJob,
  runDecodeJob,
  type WorkerReply,
} from "./decode_job.ts";

/** What of a worker's scope is used here; the default library describes a window's. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<DecodeJob>) => void) | null;
  postMessage(reply: WorkerReply, transfer: readonly Transferable[]): void;
}

const scope = self as unknown as WorkerScope;

scope.onmessage = async ({ data: job }) => {
  try {
    const pcm16 = await runDecodeJob(job);
    scope.postMessage({ kind: "done", pcm16 }, [pcm16.buffer]);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    scope.postMessage({ kind: "failed", message }, []);
  }
};

scope.postMessage({ kind: "ready" }, []);
