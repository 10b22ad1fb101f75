/** A kind of picture file. */
export interface ImageKind {
  /** As `image/png`. */
  readonly mediaType: string;
  /** What its files are called, with the dot. */
  readonly extension: string;
}

/** The kinds by how their files begin, in hexadecimal digits. */
const KINDS: readonly (ImageKind & { readonly magic: RegExp })[] = [
  kind("image/png", ".png", /^89504e470d0a1a0a/),
  kind("image/jpeg", ".jpg", /^ffd8ff/),
  // GIF87a or GIF89a.
  kind("image/gif", ".gif", /^47494638(37|39)61/),
  // RIFF, a size, WEBP.
  kind("image/webp", ".webp", /^52494646.{8}57454250/),
  // BM, a size, four bytes that are reserved, an offset, and the size of one of the headers that there are.
  kind("image/bmp", ".bmp", /^424d.{8}0{8}.{8}(0c|28|34|38|40|6c|7c)000000/),
  // A size, ftyp, and a brand: avif, avis; heic, heix, heim, heis, hevc, hevx, hevm, hevs, mif1, msf1.
  kind("image/avif", ".avif", /^.{8}66747970617669(66|73)/),
  kind(
    "image/heic",
    ".heic",
    /^.{8}66747970(6865(69(63|78|6d|73)|76(63|78|6d|73))|6d696631|6d736631)/,
  ),
];

function kind(mediaType: string, extension: string, magic: RegExp) {
  return { mediaType, extension, magic };
}

/** How many bytes tell the kind. */
const HEAD_BYTES = 32;

/** What kind of picture a file is by its first bytes, whatever it is called; nothing, where it is none. */
export function imageKind(bytes: Uint8Array): ImageKind | undefined {
  const head = bytes.subarray(0, HEAD_BYTES).toHex();
  const found = KINDS.find(({ magic }) => magic.test(head));
  return found && { mediaType: found.mediaType, extension: found.extension };
}
