import type { Entry, Row } from "./manifest_format.ts";

/** Divides bytes behind each line feed. What spans many reads is put together once. */
export async function* lines(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let pieces: Uint8Array[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (
      let end = chunk.indexOf(LF);
      end >= 0;
      end = chunk.indexOf(LF, start)
    ) {
      pieces.push(chunk.subarray(start, end + 1));
      yield joined(pieces);
      pieces = [];
      start = end + 1;
    }
    if (start < chunk.length) pieces.push(chunk.slice(start));
  }
  if (pieces.length > 0) yield joined(pieces);
}

/** A record for each line that is not blank. */
export async function* lineEntries(
  chunks: AsyncIterable<Uint8Array>,
  row: (line: Uint8Array) => Row,
): AsyncGenerator<Entry> {
  let line = 0;
  let start = 0;
  for await (const text of lines(chunks)) {
    line++;
    const end = start + text.length;
    if (!isBlank(text)) yield { line, start, end, row: () => row(text) };
    start = end;
  }
}

const LF = 10;

/** Several pieces as one. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const all = new Uint8Array(
    pieces.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Nothing but white space, and perhaps a byte order mark. */
export function isBlank(bytes: Uint8Array): boolean {
  return bytes.length < 64 && !new TextDecoder().decode(bytes).trim();
}
