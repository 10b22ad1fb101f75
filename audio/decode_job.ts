import { openStream } from "./decode.ts";
import { downmix, toPcm16 } from "./pcm.ts";
import { openResampler } from "./resample.ts";
import type { SampleRange } from "./stream.ts";
import { openWavSamples } from "./wav.ts";

/** A file to be made into samples that are ready to send. Plain data: it crosses threads. */
export interface DecodeJob {
  /** What errors call the audio. */
  readonly name: string;
  /** The whole file, or of a WAV file the samples that are wanted. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The body of the fmt chunk, where the bytes are samples of a WAV file. */
  readonly fmt?: Uint8Array<ArrayBuffer>;
  readonly sampleRateHz: number;
  /** Samples of the file to decode; all of them if left out. */
  readonly range?: SampleRange;
}

/** What a worker says: first that it is there, then how each job ended, in order. */
export type WorkerReply =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly pcm16: Int16Array<ArrayBuffer> }
  | { readonly kind: "failed"; readonly message: string };

/** Decodes, mixes to mono, resamples and converts, piece by piece: beside the file, only what comes out is held whole. */
export async function runDecodeJob(
  { name, bytes, fmt, sampleRateHz, range }: DecodeJob,
): Promise<Int16Array<ArrayBuffer>> {
  const stream = fmt === undefined
    ? await openStream(bytes, name)
    : openWavSamples({ fmt, data: bytes }, name);
  const { start, end } = range ?? { start: 0, end: stream.samples };
  const resampler = openResampler(
    stream.sampleRateHz,
    sampleRateHz,
    end - start,
  );
  const pcm16 = new Int16Array(resampler.samples);
  for await (const piece of stream.pieces({ start, end })) {
    resampler.push(
      downmix(piece),
      (samples, at) => pcm16.set(toPcm16(samples), at),
    );
  }
  return pcm16;
}
