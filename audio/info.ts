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

/** Checks what every format must hold to, and makes the info of it. */
export function audioInfo(
  name: string,
  found: {
    format: AudioFormat;
    sampleRateHz: number;
    channels: number;
    samples: number;
  },
): AudioInfo {
  const { format, sampleRateHz, channels, samples } = found;
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
    throw refusal(name, `it must last ${MIN_DURATION_MS} ms or more`, {
      is: `${durationMs} ms (${samples} samples)`,
    });
  }
  const mediaType = MEDIA_TYPES[format];
  return { format, mediaType, sampleRateHz, channels, durationMs };
}
