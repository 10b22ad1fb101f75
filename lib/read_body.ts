/**
 * Reads the body of a response.
 *
 * @param onPart Called whenever some of it arrives.
 * @throws {Error} If it is larger than `maxBytes`.
 */
export async function readBody(
  { body }: Response,
  maxBytes: number,
  onPart?: () => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const part of body ?? []) {
    onPart?.();
    size += part.length;
    if (size > maxBytes) {
      throw new Error(`it must have at most ${maxBytes} bytes, but has more`);
    }
    parts.push(part);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
