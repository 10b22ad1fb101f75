/**
 * Audio files to samples that are ready to send: decoding, downmix, resampling, PCM16, chunks.
 *
 * @module
 */
export type { AudioClip, ClipSpan } from "./clip.ts";
export { decodeAudio } from "./decode.ts";
export {
  type ClipOptions,
  type Decoders,
  type DecodersOptions,
  openDecoders,
} from "./decoders.ts";
export { encodeWav } from "./encode_wav.ts";
export { AudioError } from "./errors.ts";
export type { AudioFormat, AudioInfo, DecodedAudio } from "./info.ts";
export { inspectAudio } from "./inspect.ts";
export { chunksOf, downmix, toPcm16 } from "./pcm.ts";
export { resample } from "./resample.ts";
export {
  type AudioBytes,
  type AudioSource,
  type AudioSourceOptions,
  bytesSource,
  fileSource,
} from "./source.ts";
