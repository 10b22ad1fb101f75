import { refusal } from "./errors.ts";

/** A container and codec that this module reads. */
export type AudioFormat = "wav" | "flac" | "mp3" | "opus" | "vorbis";

/** What the headers of an audio file tell. */
export interface AudioInfo {
  /** Found by content, never by the file's name. */
  readonly format: AudioFormat;
  /** For uploads, such as `audio/wav`. */
  readonly mediaType: string;
  /** Samples per second and channel. */
  readonly sampleRateHz: number;
  /** Channels, from 1. */
  readonly channels: number;
  /** Length, in milliseconds. */
  readonly durationMs: number;
}

/** Audio as samples. */
export interface DecodedAudio {
  /** Samples per second and channel. */
  readonly sampleRateHz: number;
  /** One array a channel, all of one length, full scale -1 to 1. */
  readonly channels: readonly Float32Array<ArrayBuffer>[];
}

const MEDIA_TYPES: Readonly<Record<AudioFormat, string>> = {
  wav: "audio/wav",
  flac: "audio/flac",
  mp3: "audio/mpeg",
  opus: "audio/ogg",
  vorbis: "audio/ogg",
};

/** Nothing shorter is an utterance: a file of one sample is a mistake. */
const MIN_DURATION_MS = 1;

/** What of audio can be checked whatever its format. */
export interface AudioShape {
  readonly sampleRateHz: number;
  readonly channels: number;
  /** Samples of each channel. */
  readonly samples: number;
}

/** The info of what headers tell, once it is known to be usable. */
export function audioInfo(
  name: string,
  found: AudioShape & { readonly format: AudioFormat },
): AudioInfo {
  const { format, sampleRateHz, channels } = found;
  const durationMs = requireUsable(name, found);
  const mediaType = MEDIA_TYPES[format];
  return { format, mediaType, sampleRateHz, channels, durationMs };
}

/** Refuses audio without a rate, a channel or a length; returns the length in milliseconds. */
export function requireUsable(
  name: string,
  { sampleRateHz, channels, samples }: AudioShape,
): number {
  if (!(sampleRateHz >= 1)) {
    throw refusal(name, "its sample rate must be 1 Hz or more", {
      is: sampleRateHz,
    });
  }
  if (!(channels >= 1)) {
    throw refusal(name, "it must have a channel", { is: channels });
  }
  const durationMs = samples / sampleRateHz * 1000;
  if (!(durationMs >= MIN_DURATION_MS)) {
    const noun = samples === 1 ? "sample" : "samples";
    throw refusal(name, `it must last ${MIN_DURATION_MS} ms or more`, {
      is: `${durationMs} ms (${samples} ${noun})`,
    });
  }
  return durationMs;
}
