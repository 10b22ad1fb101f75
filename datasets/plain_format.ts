import { messageOf } from "../plugins/mod.ts";
import { isBlank, lines } from "./lines.ts";
import type { Entry, ManifestFormat, Row } from "./manifest_format.ts";

/** Plain text: each line that is not blank is a record with `text`, without the space around it. */
export function plainFormat(): ManifestFormat {
  return { header: () => ["text"], entries, row };
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

function row(bytes: Uint8Array): Row {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).trim();
  } catch (cause) {
    throw new Error(`each line must be UTF-8: ${messageOf(cause)}`, { cause });
  }
  // Nothing that is written for people has one, and any file of another kind soon does.
  if (text.includes("\0")) {
    throw new Error(`each line must be text: current value has a zero byte`);
  }
  return { text };
}
