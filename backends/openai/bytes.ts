import { Buffer } from "node:buffer";

/** A piece of a body. */
export type Part = Uint8Array | string;

/** A text in UTF-8. Short ones share their memory: the allocation of one's own takes longer than all else. */
export function bytesOf(text: string): Uint8Array {
  return Buffer.from(text);
}

/** One piece behind the other. */
export function joinBytes(parts: readonly Part[]): Uint8Array {
  if (parts.every((part) => typeof part === "string")) {
    return bytesOf(parts.join(""));
  }
  return Buffer.concat(
    parts.map((part) => typeof part === "string" ? bytesOf(part) : part),
  );
}
