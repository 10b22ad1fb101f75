import { open } from "node:fs/promises";
import { basename, extname } from "node:path";
import { type Image, type MediaFile, messageOf } from "../../plugins/mod.ts";
import {
  download,
  type MediaContext,
  mediaId,
  mediaPlace,
  type MediaRules,
  urlWithoutQuery,
} from "./media.ts";

/** No server accepts more than this. */
export const MAX_IMAGE_BYTES = 64 * 2 ** 20;

/**
 * Returns the image in the value of a column: a path, a URL, a data URI, base64, or an object with one of them. Bytes
 * in the record are checked at once; files and URLs are read when they are needed.
 *
 * @throws {TypeError} If the value is something else.
 * @throws {Error} If bytes in the record are not an image.
 */
export function imageOf(value: unknown, context: MediaContext): Image {
  const place = mediaPlace(value, context.folder, IMAGE);
  const id = mediaId(place, context.folder);
  if (place.kind === "bytes") {
    const file = mediaFile(place.bytes, "inline image");
    const name = id.replace("sha256:", "") + extname(file.name);
    return { id, file: () => Promise.resolve({ ...file, name }) };
  }
  if (place.kind === "file") {
    const { path } = place;
    const file = async () => mediaFile(await readImage(path), basename(path));
    return { id, file };
  }
  const { url } = place;
  const name = basename(url.pathname) || urlWithoutQuery(url);
  const fetched = () => download(url, context, MAX_IMAGE_BYTES);
  return {
    id,
    url: url.href,
    file: async () => mediaFile(await fetched(), name),
  };
}

const IMAGE: MediaRules = {
  kind: "image",
  keys: "bytes data path url src image_url image b64_json".split(" "),
  // PNG, JPEG, GIF, WebP, BMP, and the beginning of AVIF and HEIC files.
  base64Magic: /^(iVBORw0KGgo|\/9j\/|R0lGOD|UklGR|Qk|AAAA[\w+/]{2,4}Z0eX)/,
};

/** Reads a whole file. */
async function readImage(path: string): Promise<Uint8Array> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    if (size > MAX_IMAGE_BYTES) {
      throw new Error(
        `must be at most ${MAX_IMAGE_BYTES} bytes, but was ${size}`,
      );
    }
    return await file.readFile();
  } catch (cause) {
    throw new Error(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Names an image file by its content.
 *
 * @throws {Error} If the bytes are not an image.
 */
function mediaFile(bytes: Uint8Array, name: string): MediaFile {
  const mediaType = imageType(bytes);
  if (mediaType === undefined) {
    throw new Error(
      `${name}: an image must be PNG, JPEG, GIF, WebP, BMP, AVIF or HEIC, but was ${
        beginning(bytes)
      }`,
    );
  }
  const extension = mediaType.replace("image/", ".").replace("jpeg", "jpg");
  const own = extname(name);
  const isNamed = own.toLowerCase().replace("jpeg", "jpg") === extension;
  const stem = name.slice(0, name.length - own.length);
  return { bytes, mediaType, name: isNamed ? name : stem + extension };
}

/** Media types, and the beginning of the files in hexadecimal digits. */
const TYPES: readonly (readonly [string, RegExp])[] = [
  ["image/png", /^89504e470d0a1a0a/],
  ["image/jpeg", /^ffd8ff/],
  // GIF87a or GIF89a.
  ["image/gif", /^47494638(37|39)61/],
  // RIFF, a size, WEBP.
  ["image/webp", /^52494646.{8}57454250/],
  // BM, a size, four reserved bytes, an offset, and the size of one of the known headers.
  ["image/bmp", /^424d.{8}0{8}.{8}(0c|28|34|38|40|6c|7c)000000/],
  // A size, ftyp, and a brand: avif, avis; heic, heix, heim, heis, hevc, hevx, hevm, hevs, mif1, msf1.
  ["image/avif", /^.{8}66747970617669(66|73)/],
  [
    "image/heic",
    /^.{8}66747970(6865(69(63|78|6d|73)|76(63|78|6d|73))|6d696631|6d736631)/,
  ],
];

/** Number of bytes that identify the type. */
const HEAD_BYTES = 32;

/** Identifies an image file by its first bytes; undefined if it is not an image. */
export function imageType(bytes: Uint8Array): string | undefined {
  const head = bytes.subarray(0, HEAD_BYTES).toHex();
  return TYPES.find(([, magic]) => magic.test(head))?.[0];
}

/** The beginning of a file that is not an image, which often contains an error message. */
function beginning(bytes: Uint8Array): string {
  if (bytes.length === 0) return "empty";
  const text = new TextDecoder().decode(bytes.subarray(0, 40));
  // deno-lint-ignore no-control-regex -- distinguishes text from binary data
  const isText = !/[\0-\x08\x0e-\x1f\ufffd]/.test(text.slice(0, -1));
  const head = isText ? JSON.stringify(text) : bytes.subarray(0, 8).toHex();
  return `${head}${bytes.length > 40 ? "…" : ""} (${bytes.length} bytes)`;
}
