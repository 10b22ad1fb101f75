import { reasonOf } from "../lib/system_code.ts";
import { serveWorker, Transferred } from "../lib/worker_rpc.ts";
import { type DecodeJob, decodePcm16 } from "./decode.ts";

/** Methods of the worker that decodes. */
export const methods = {
  /** Returns mono PCM16, or the message of the error: its class would be lost between threads. */
  async decode(job: DecodeJob) {
    try {
      const pcm16 = await decodePcm16(job);
      return new Transferred(pcm16, [pcm16.buffer]);
    } catch (error) {
      return reasonOf(error);
    }
  },
};

serveWorker(methods);
