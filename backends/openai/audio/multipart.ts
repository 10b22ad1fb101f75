import { Buffer } from "node:buffer";
import type { MediaFile } from "../../../plugins/mod.ts";
import { joinBytes } from "../json.ts";

/** A field of a form: text, or a file with its type and name. */
export interface FormField {
  /** Name of the field, such as `model` or `timestamp_granularities[]`. */
  readonly name: string;
  /** Text or file. */
  readonly value: string | MediaFile;
}

/** A form, ready to be sent. */
export interface Form {
  /** `multipart/form-data` with the boundary. */
  readonly contentType: string;
  /** All fields, in their order. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** The form for people: a file by its name, length and type. */
  readonly shown: string;
}

/** Writes a form as `multipart/form-data` (RFC 7578): the same fields give the same bytes. */
export function multipart(fields: readonly FormField[]): Form {
  const boundary = boundaryFor(fields);
  const parts = fields.flatMap(({ name, value }) => [
    `--${boundary}\r\n${headOf(name, value)}\r\n\r\n`,
    typeof value === "string" ? value : value.bytes,
    "\r\n",
  ]);
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: joinBytes([...parts, `--${boundary}--\r\n`]),
    shown: fields.map(shownField).join(" · "),
  };
}

function shownField({ name, value }: FormField): string {
  if (typeof value === "string") return `${name}=${value}`;
  const { name: file, mediaType, bytes } = value;
  return `${name}=${file} (${bytes.length} bytes of ${mediaType})`;
}

function headOf(name: string, value: FormField["value"]): string {
  const field = `Content-Disposition: form-data; name="${quoted(name)}"`;
  return typeof value === "string"
    ? field
    : `${field}; filename="${quoted(value.name)}"\r\nContent-Type: ${
      value.mediaType.replace(/[\r\n]+/g, " ")
    }`;
}

/** The characters that would end the name, escaped as browsers do. */
function quoted(text: string): string {
  return text.replaceAll("\r", "%0D").replaceAll("\n", "%0A")
    .replaceAll('"', "%22");
}

/** The first of a fixed series of boundaries that no value contains. */
function boundaryFor(fields: readonly FormField[]): string {
  const texts = fields.map(({ value }) =>
    typeof value === "string" ? value : latin1(value.bytes)
  );
  for (let n = 0;; n++) {
    const boundary = `earshot-form-${n}-end-of-part`;
    if (!texts.some((text) => text.includes(boundary))) return boundary;
  }
}

/** Reads bytes as text: searching it is several times as fast, and a file may be large. */
function latin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}
