import { openStream } from "./decode.ts";
import type { SampleRange } from "./format.ts";
import { downmix, toPcm16 } from "./pcm.ts";
import { openResampler } from "./resample.ts";
import { openWavSamples } from "./wav.ts";

/** A file to decode. Plain data, so that it can be sent to a worker. */
export interface DecodeJob {
  /** The name of the audio in errors. */
  readonly name: string;
  /** The whole file, or the needed samples of a WAV file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The body of the fmt chunk, if the bytes are samples of a WAV file. */
  readonly fmt?: Uint8Array<ArrayBuffer>;
  readonly sampleRateHz: number;
  /** Samples of the file to decode. @default {all} */
  readonly range?: SampleRange;
}

/** Decodes, mixes to mono, resamples and converts piece by piece, so that only the file and the result are in memory. */
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
