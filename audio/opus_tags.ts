import { type OggPage, pageAt, pageChecksum } from "./ogg_page.ts";

/** An OpusTags packet that says nothing (RFC 7845 §5.2). */
const EMPTY_TAGS = new TextEncoder().encode("OpusTags\0\0\0\0\0\0\0\0");

/**
 * The same Opus stream without its tags. Its parser takes them for one page, and pages of a picture
 * that follow for audio.
 *
 * @param bytes pages that are known to be sound
 */
export function withoutOpusTags(
  bytes: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const head = pageAt(bytes, 0);
  if (typeof head === "string") return bytes;
  let at = head.end;
  for (let open = true; open;) {
    const page = pageAt(bytes, at);
    if (typeof page === "string") return bytes;
    open = page.lacing.at(-1) === 255;
    at = page.end;
  }
  const tags = tagsPage(head);
  const stream = new Uint8Array(head.end + tags.length + bytes.length - at);
  stream.set(bytes.subarray(0, head.end));
  stream.set(tags, head.end);
  stream.set(bytes.subarray(at), head.end + tags.length);
  return stream;
}

function tagsPage({ serial }: OggPage): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(28 + EMPTY_TAGS.length));
  const page = new Uint8Array(view.buffer);
  page.set(new TextEncoder().encode("OggS"));
  view.setUint32(14, serial, true);
  view.setUint32(18, 1, true);
  page.set([1, EMPTY_TAGS.length], 26);
  page.set(EMPTY_TAGS, 28);
  view.setUint32(22, pageChecksum(page), true);
  return page;
}
