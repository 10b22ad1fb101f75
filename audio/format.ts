/** A container and codec that this module reads. */
export type AudioFormat = "wav" | "flac" | "mp3" | "opus" | "vorbis";

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

/** Creates the error for a file that breaks a rule. */
export function refusal(
  name: string,
  rule: string,
  found: string | number,
  cause?: unknown,
): AudioError {
  return new AudioError(
    `${name}: ${rule}, but was ${found}`,
    cause === undefined ? {} : { cause },
  );
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
 * @throws {AudioError} If there is no sample rate, no channel or no length.
 */
export function requireUsable(
  name: string,
  { sampleRateHz, channels, samples }: AudioShape,
): number {
  if (!(sampleRateHz >= 1)) {
    throw refusal(name, "its sample rate must be 1 Hz or more", sampleRateHz);
  }
  if (!(channels >= 1)) {
    throw refusal(name, "it must have a channel", channels);
  }
  const durationMs = samples / sampleRateHz * 1000;
  if (!(durationMs >= MIN_DURATION_MS)) {
    const unit = samples === 1 ? "sample" : "samples";
    throw refusal(
      name,
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

/** A file whose headers have been read, to be decoded piece by piece. */
export interface AudioStream extends AudioShape {
  /**
   * Decodes a range, and nothing after it. If the range ends with the file, the decoded samples are checked against
   * the length and checksum in the header.
   *
   * @throws {AudioError} If the file is truncated or corrupt.
   */
  pieces(range: SampleRange): AsyncIterable<AudioPiece>;
}

/** Samples of a piece, if the format does not determine it. */
export const PIECE_SAMPLES = 65_536;

/**
 * Cuts a range out of the decoded samples of a whole file. If the range ends with the file, all samples are decoded and
 * counted, as decoders skip damaged frames silently.
 *
 * @throws {AudioError} If there are fewer samples than the header declares.
 */
export async function* cutPieces(
  pieces: AsyncIterable<AudioPiece>,
  { start, end }: SampleRange,
  { name, samples, channels, tolerance = 0 }: {
    readonly name: string;
    /** Samples of each channel, as the header declares. */
    readonly samples: number;
    readonly channels: number;
    /** Number of missing samples that are replaced by silence. @default {0} */
    readonly tolerance?: number;
  },
): AsyncGenerator<AudioPiece> {
  let at = 0;
  for await (const piece of pieces) {
    const length = piece[0]?.length ?? 0;
    const from = Math.max(0, start - at);
    const to = Math.min(length, end - at);
    if (from < to) {
      yield piece.slice(0, channels).map((each) => each.subarray(from, to));
    }
    at += length;
    if (at >= end && end < samples) return;
  }
  if (samples - at > tolerance) {
    const rule = `must have ${samples} samples, as its header declares`;
    throw refusal(name, rule, `truncated or corrupt, with ${at}`);
  }
  const missing = end - Math.max(start, at);
  if (missing <= 0) return;
  yield Array.from({ length: channels }, () => new Float32Array(missing));
}

/** Loads a decoder's package when the first file needs it: a run with WAV files never loads one. */
export async function loadDecoder<T>(
  name: string,
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AudioError(`${name}: cannot load the decoder: ${reason}`, {
      cause,
    });
  }
}
