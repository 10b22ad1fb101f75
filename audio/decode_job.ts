import { decodeAudio } from "./decode.ts";
import { downmix, toPcm16 } from "./pcm.ts";
import { resample } from "./resample.ts";

/** A file to be made into samples that are ready to send. Plain data: it crosses threads. */
export interface DecodeJob {
  /** What errors call the audio. */
  readonly name: string;
  /** The whole file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sampleRateHz: number;
  /** Where to cut; Infinity for not at all. */
  readonly maxSeconds: number;
}

/** What a worker says: first that it is there, then how each job ended, in order. */
export type WorkerReply =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly pcm16: Int16Array<ArrayBuffer> }
  | { readonly kind: "failed"; readonly message: string };

/** Decodes, cuts, mixes to mono, resamples and converts. */
export async function runDecodeJob(
  { name, bytes, sampleRateHz, maxSeconds }: DecodeJob,
): Promise<Int16Array<ArrayBuffer>> {
  const audio = await decodeAudio(bytes, name);
  const samples = Math.round(maxSeconds * audio.sampleRateHz);
  const channels = audio.channels.map((c) => c.subarray(0, samples));
  return toPcm16(resample(downmix(channels), audio.sampleRateHz, sampleRateHz));
}
