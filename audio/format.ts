import { reasonOf } from "../lib/system_code.ts";

/** A container and codec that this module reads. */
export type AudioFormat = "wav" | "flac" | "mp3" | "opus" | "vorbis";

/** Media type and file name extension of each format. */
export const FILE_TYPES: Readonly<
  Record<AudioFormat, readonly [mediaType: string, extension: string]>
> = {
  wav: ["audio/wav", "wav"],
  flac: ["audio/flac", "flac"],
  mp3: ["audio/mpeg", "mp3"],
  opus: ["audio/ogg", "ogg"],
  vorbis: ["audio/ogg", "ogg"],
};

/** The properties of an audio file, read from its headers. */
export interface AudioInfo {
  /** Identified by the content, not by the file's name. */
  readonly format: AudioFormat;
  /** The media type for uploads, such as `audio/wav`. */
  readonly mediaType: string;
  /** Samples per second and channel. */
  readonly sampleRateHz: number;
  /** Number of channels, from 1. */
  readonly channels: number;
  /** Length, in milliseconds. */
  readonly durationMs: number;
}

/** Audio as samples. */
export interface DecodedAudio {
  /** Samples per second and channel. */
  readonly sampleRateHz: number;
  /** One array per channel, all of one length, full scale -1 to 1. */
  readonly channels: readonly Float32Array<ArrayBuffer>[];
}

/** Audio that cannot be used. The message names the file and the broken rule. */
export class AudioError extends Error {
  /** Distinguishes it from other errors across realms. */
  override readonly name = "AudioError";
}

/** A rule of a format that a file breaks. The file's name is added by {@linkcode toAudioError}. */
export class FormatError extends Error {}

/** Creates the error for a file that breaks a rule. */
export function refusal(rule: string, found: string | number): FormatError {
  return new FormatError(`${rule}, but was ${found}`);
}

/** Converts whatever reading or decoding a file throws into an error that names the file. */
export function toAudioError(name: string, cause: unknown): AudioError {
  if (cause instanceof AudioError) return cause;
  const problem = cause instanceof FormatError
    ? cause.message
    : `cannot decode the audio: ${reasonOf(cause)}`;
  return new AudioError(`${name}: ${problem}`, { cause });
}

/** The shape of the samples in a file. */
export interface AudioShape {
  readonly sampleRateHz: number;
  readonly channels: number;
  /** Samples of each channel. */
  readonly samples: number;
}

/** Shortest length of an utterance: a file of one sample is a mistake. */
const MIN_DURATION_MS = 1;

/**
 * Returns the length in milliseconds.
 *
 * @throws {FormatError} If there is no sample rate, no channel or no length.
 */
export function requireUsable(
  { sampleRateHz, channels, samples }: AudioShape,
): number {
  if (!(sampleRateHz >= 1)) {
    throw refusal("its sample rate must be 1 Hz or more", sampleRateHz);
  }
  if (!(channels >= 1)) throw refusal("it must have a channel", channels);
  const durationMs = samples / sampleRateHz * 1000;
  if (!(durationMs >= MIN_DURATION_MS)) {
    const unit = samples === 1 ? "sample" : "samples";
    throw refusal(
      `must last ${MIN_DURATION_MS} ms or more`,
      `${durationMs} ms (${samples} ${unit})`,
    );
  }
  return durationMs;
}

/** A range of samples of each channel: from `start` up to, but not including, `end`. */
export interface SampleRange {
  readonly start: number;
  readonly end: number;
}

/** Consecutive samples: one array per channel, all of one length, full scale -1 to 1. */
export type AudioPiece = readonly Float32Array<ArrayBuffer>[];

/** A file whose headers have been read. */
export interface AudioFile extends AudioShape {
  readonly format: AudioFormat;
  /** Number of samples that the decoder may leave out at the end; silence replaces them. */
  readonly tolerance?: number;
  /**
   * Decodes the whole file, piece by piece.
   *
   * @param bytes All bytes of the file, without tags before the audio.
   * @param end Number of the sample after the last one that is needed.
   */
  decode(
    bytes: Uint8Array<ArrayBuffer>,
    end: number,
  ): AsyncIterable<AudioPiece>;
}

/** Samples of a piece, if the format does not determine it. */
export const PIECE_SAMPLES = 65_536;

/** Returns the samples that a decoder found. */
export function requireDecoded(
  { channelData, errors }: {
    readonly channelData: readonly Float32Array[];
    readonly errors: readonly { readonly message: string }[];
  },
): AudioPiece {
  if (errors.length === 0) return channelData as AudioPiece;
  const messages = errors.map(({ message }) => message).join("; ");
  throw refusal("its audio must be valid", messages);
}
