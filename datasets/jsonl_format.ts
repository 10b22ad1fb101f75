import { messageOf } from "../plugins/mod.ts";
import type { Entry, ManifestFormat, Row } from "./manifest_format.ts";

/** JSON Lines: an object a line; empty lines are passed over. */
export function jsonlFormat(): ManifestFormat {
  return { entries, row };
}

async function* entries(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Entry> {
  let line = 0;
  let start = 0;
  for await (const text of lines(bytes)) {
    line++;
    const end = start + text.length;
    if (!isBlank(text)) yield { line, start, end, row: () => row(text) };
    start = end;
  }
}

/** Divides bytes behind each line feed. What spans many reads is put together once. */
async function* lines(
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

const LF = 10;

function joined(pieces: readonly Uint8Array[]): Uint8Array {
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
function isBlank(bytes: Uint8Array): boolean {
  return bytes.length < 64 && !new TextDecoder().decode(bytes).trim();
}

function row(bytes: Uint8Array): Row {
  const value: unknown = parse(bytes);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Row;
  }
  throw new Error(
    `each line must be a JSON object: current value is ${kindOf(value)}`,
  );
}

function parse(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`each line must be JSON in UTF-8: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}
