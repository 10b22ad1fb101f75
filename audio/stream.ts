/** Samples of each channel from `start` up to `end`. */
export interface SampleRange {
  readonly start: number;
  readonly end: number;
}

/** Consecutive samples: one array a channel, all of one length, full scale -1 to 1. */
export type AudioPiece = readonly Float32Array<ArrayBuffer>[];

/** A file whose headers have been read, to be decoded piece by piece. */
export interface AudioStream {
  readonly sampleRateHz: number;
  readonly channels: number;
  /** Samples of each channel in the whole file. */
  readonly samples: number;
  /**
   * Decodes a range, which must lie in the file, and no more of the file than it takes to get there. Where the range reaches to the end of the
   * file, what was decoded is held against the lengths and checksums of the container.
   *
   * @throws {AudioError} where the file is corrupt
   */
  pieces(range: SampleRange): AsyncIterable<AudioPiece>;
}

/** Samples in a piece, where the format leaves it open. */
export const PIECE_SAMPLES = 65_536;

/** What of a piece lies in a range, if anything does; `at` is the number of its first sample. */
export function partOf(
  piece: AudioPiece,
  at: number,
  { start, end }: SampleRange,
): AudioPiece | undefined {
  const length = piece[0]?.length ?? 0;
  const from = Math.max(0, start - at);
  const to = Math.min(length, end - at);
  if (from >= to) return undefined;
  if (from === 0 && to === length) return piece;
  return piece.map((channel) => channel.subarray(from, to));
}

/**
 * The parts that lie in a range, of the pieces of a whole file. What follows the range is asked for only where it
 * reaches to the end of the file, so that the checks behind the last piece are made.
 *
 * @param samples of each channel in the whole file
 */
export async function* piecesWithin(
  pieces: AsyncIterable<AudioPiece>,
  range: SampleRange,
  samples: number,
): AsyncGenerator<AudioPiece> {
  let at = 0;
  for await (const piece of pieces) {
    const part = partOf(piece, at, range);
    if (part !== undefined) yield part;
    at += piece[0]?.length ?? 0;
    if (at >= range.end && range.end < samples) return;
  }
}
