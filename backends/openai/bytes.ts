/** A piece of a body. */
export type Part = Uint8Array | string;

const encoder = new TextEncoder();

/** A text in UTF-8. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

/** One piece behind the other, in a buffer of their own. */
export function joinBytes(parts: readonly Part[]): Uint8Array {
  const all = parts.map((part) =>
    typeof part === "string" ? bytesOf(part) : part
  );
  const joined = new Uint8Array(
    all.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const bytes of all) {
    joined.set(bytes, at);
    at += bytes.length;
  }
  return joined;
}
