import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { basename, extname, relative, sep } from "node:path";
import { type Image, type MediaFile, messageOf } from "../../plugins/mod.ts";
import { download, idOfUrl, urlWithoutQuery } from "./download.ts";
import { imageKind } from "./image_kind.ts";
import { type MediaPlace, mediaPlace, type MediaRules } from "./media.ts";

/** What pictures are had with. */
export interface ImagesOptions {
  /** What paths are relative to. */
  readonly folder: string;
  /** Longest time for one download, in milliseconds. */
  readonly timeoutMs: number;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** More than this is taken by no server. */
export const MAX_IMAGE_BYTES = 64 * 2 ** 20;

/**
 * The picture that the value of a column holds: a path, a URL, a data URI, base64, or an object with one of them.
 * What is in the record is looked at now; files and URLs when they are needed.
 *
 * @throws {TypeError} If it is none of these.
 * @throws {Error} If what is in the record is no picture.
 */
export function imageOf(value: unknown, options: ImagesOptions): Image {
  const place = mediaPlace(value, options.folder, IMAGE);
  if (place.kind === "bytes") return inline(place.bytes);
  const { id, name, read } = place.kind === "file"
    ? local(place, options)
    : remote(place, options);
  return {
    id,
    ...(place.kind === "url" && { url: place.url.href }),
    file: async () => mediaFile(await read(), name),
  };
}

/** The pictures of a column: one, or a list. */
export function imagesOf(
  value: unknown,
  options: ImagesOptions,
): readonly Image[] {
  const list = Array.isArray(value) ? value : [value];
  return list.map((each) => imageOf(each, options));
}

const IMAGE: MediaRules = {
  what: "image",
  keys: [
    "bytes",
    "data",
    "path",
    "url",
    "src",
    "image_url",
    "image",
    "b64_json",
  ],
  // PNG, JPEG, GIF, WebP, BMP, and what AVIF and HEIC files begin with.
  base64Magic: /^(iVBORw0KGgo|\/9j\/|R0lGOD|UklGR|Qk|AAAA[\w+/]{2,4}Z0eX)/,
};

interface Readable {
  readonly id: string;
  readonly name: string;
  read(): Promise<Uint8Array>;
}

function inline(bytes: Uint8Array): Image {
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  const file = mediaFile(bytes, "inline image");
  const { extension } = imageKind(bytes)!;
  return {
    id: `sha256:${hash}`,
    file: () => Promise.resolve({ ...file, name: hash + extension }),
  };
}

function local(
  { path }: Extract<MediaPlace, { kind: "file" }>,
  { folder }: ImagesOptions,
): Readable {
  const id = relative(folder, path).replaceAll(sep, "/");
  return { id, name: basename(path), read: () => readImage(path) };
}

function remote(
  { url }: Extract<MediaPlace, { kind: "url" }>,
  { timeoutMs, signal }: ImagesOptions,
): Readable {
  const limits = { timeoutMs, signal, maxBytes: MAX_IMAGE_BYTES };
  return {
    id: idOfUrl(url),
    name: basename(url.pathname) || urlWithoutQuery(url),
    read: () => download(url, limits),
  };
}

/** The whole file, as it is read once for each preparation. */
async function readImage(path: string): Promise<Uint8Array> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    if (size > MAX_IMAGE_BYTES) {
      throw new Error(
        `it must be at most ${MAX_IMAGE_BYTES} bytes: current value is ${size}`,
      );
    }
    return await file.readFile();
  } catch (cause) {
    const missing = (cause as { code?: unknown }).code === "ENOENT";
    const why = missing ? "there is no such file" : messageOf(cause);
    throw new Error(`Cannot read the image ${path} as ${why}`, { cause });
  }
}

/** @throws {Error} If the bytes are no picture. */
function mediaFile(bytes: Uint8Array, name: string): MediaFile {
  const kind = imageKind(bytes);
  if (kind === undefined) {
    throw new Error(
      `Cannot use ${name} as an image must be PNG, JPEG, GIF, WebP, BMP, AVIF or HEIC: current value is ${
        begins(bytes)
      }`,
    );
  }
  const stem = name.slice(0, name.length - extname(name).length);
  const isNamed = extname(name).toLowerCase() === kind.extension ||
    kind.extension === ".jpg" && /\.jpe?g$/i.test(name);
  return {
    bytes,
    mediaType: kind.mediaType,
    name: isNamed ? name : stem + kind.extension,
  };
}

/** The beginning of what is no picture: a message about it is often in there. */
function begins(bytes: Uint8Array): string {
  if (bytes.length === 0) return "empty";
  const text = new TextDecoder().decode(bytes.subarray(0, 40));
  // deno-lint-ignore no-control-regex -- to tell text from everything else
  const isText = !/[\0-\x08\x0e-\x1f\ufffd]/.test(text.slice(0, -1));
  const head = isText ? JSON.stringify(text) : bytes.subarray(0, 8).toHex();
  return `${head}${bytes.length > 40 ? "…" : ""} (${bytes.length} bytes)`;
}
