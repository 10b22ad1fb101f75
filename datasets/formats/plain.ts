import { messageOf } from "../../plugins/mod.ts";
import { lineEntries } from "./lines.ts";
import { FileError, type ManifestFormat, type Row } from "./manifest_format.ts";

/** Plain text: each line that is not blank is a record with `text`, without the space around it. */
export function plainFormat(): ManifestFormat {
  return {
    header: () => ["text"],
    entries: (bytes) => lineEntries(bytes, row),
    row,
  };
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
    throw new FileError(
      "each line must be text: current value has a zero byte",
    );
  }
  return { text };
}
