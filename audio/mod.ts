/**
 * Converts audio files to samples that can be sent: decoding, downmix, resampling, PCM16, chunks.
 *
 * @module
 */
export type { AudioClip, ClipSpan } from "./clip.ts";
export { decodeAudio, inspectAudio } from "./decode.ts";
export {
  type ClipOptions,
  type Decoders,
  type DecodersOptions,
  openDecoders,
} from "./decoders.ts";
export {
  AudioError,
  type AudioFormat,
  type AudioInfo,
  type DecodedAudio,
} from "./format.ts";
export { chunksOf, downmix, toPcm16 } from "./pcm.ts";
export { resample } from "./resample.ts";
export {
  type AudioBytes,
  type AudioSource,
  type AudioSourceOptions,
  bytesSource,
  fileSource,
} from "./source.ts";
export { encodeWav } from "./wav_samples.ts";
