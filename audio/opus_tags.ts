import { type OggPage, pageAt, pageChecksum } from "./ogg_page.ts";

/** An OpusTags packet that says nothing (RFC 7845 §5.2). */
const EMPTY_TAGS = new TextEncoder().encode("OpusTags\0\0\0\0\0\0\0\0");

/**
 * The first page of an Opus stream with tags that say nothing behind it, and where the pages end that they stand for.
 * The parser takes tags for one page, and pages of a picture that follow for audio.
 *
 * @param bytes a stream whose first page is sound
 */
export function opusHead(
  bytes: Uint8Array<ArrayBuffer>,
): { pages: Uint8Array<ArrayBuffer>; end: number } | undefined {
  const head = pageAt(bytes, 0);
  if (typeof head === "string") return undefined;
  let end = head.end;
  for (let open = true; open;) {
    const page = pageAt(bytes, end);
    if (typeof page === "string") return undefined;
    open = page.lacing.at(-1) === 255;
    end = page.end;
  }
  const tags = tagsPage(head);
  const pages = new Uint8Array(head.end + tags.length);
  pages.set(bytes.subarray(0, head.end));
  pages.set(tags, head.end);
  return { pages, end };
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
