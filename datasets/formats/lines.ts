import { messageOf } from "../../plugins/mod.ts";
import { splitLines } from "../../lib/lines.ts";
import {
  type Entry,
  FileError,
  type ManifestFormat,
  type Row,
} from "./manifest.ts";

/** Makes a format in which each line that is not blank is a record. */
export function lineFormat(row: (line: Uint8Array) => Row): ManifestFormat {
  return { entries: (chunks) => lineEntries(chunks, row), row };
}

/** Plain text: each line is a record with the column `text`, trimmed. */
export function plainFormat(): ManifestFormat {
  return { ...lineFormat(plainRow), header: () => ["text"] };
}

async function* lineEntries(
  chunks: AsyncIterable<Uint8Array>,
  row: (line: Uint8Array) => Row,
): AsyncGenerator<Entry> {
  let line = 0;
  let start = 0;
  for await (const bytes of splitLines(chunks)) {
    line++;
    const end = start + bytes.length;
    if (!isBlank(bytes)) yield { line, start, end, row: () => row(bytes) };
    start = end;
  }
}

/** Whether bytes are only white space and a byte order mark. */
function isBlank(bytes: Uint8Array): boolean {
  return bytes.length < 64 && !new TextDecoder().decode(bytes).trim();
}

function plainRow(bytes: Uint8Array): Row {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).trim();
  } catch (cause) {
    throw new Error(`each line must be UTF-8: ${messageOf(cause)}`, { cause });
  }
  // Text for people has no zero bytes, and binary files soon have one.
  if (text.includes("\0")) {
    throw new FileError("each line must be text, but one has a zero byte");
  }
  return { text };
}
