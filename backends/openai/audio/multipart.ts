import { Buffer } from "node:buffer";

/** A field of a form: text, or a file with its type and name. */
export interface FormField {
  /** Name of the field, such as `model` or `timestamp_granularities[]`. */
  readonly name: string;
  /** Text or file. */
  readonly value: string | {
    readonly bytes: Uint8Array;
    readonly mediaType: string;
    readonly name: string;
  };
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
    Buffer.from(`--${boundary}\r\n${headOf(name, value)}\r\n\r\n`),
    bytesOf(value),
    CRLF,
  ]);
  const body = Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: new Uint8Array(body.buffer, body.byteOffset, body.byteLength),
    shown: fields.map(shownField).join(" · "),
  };
}

function shownField({ name, value }: FormField): string {
  if (typeof value === "string") return `${name}=${value}`;
  const { name: file, mediaType, bytes } = value;
  return `${name}=${file} (${bytes.length} bytes of ${mediaType})`;
}

const CRLF = Buffer.from("\r\n");

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
  // Searched as text: that is several times as fast as in bytes, and a file may be large.
  const values = fields.map(({ value }) => bytesOf(value).toString("latin1"));
  for (let n = 0;; n++) {
    const boundary = `earshot-form-${n}-end-of-part`;
    if (!values.some((text) => text.includes(boundary))) return boundary;
  }
}

function bytesOf(value: FormField["value"]): Buffer {
  if (typeof value === "string") return Buffer.from(value);
  const { buffer, byteOffset, byteLength } = value.bytes;
  return Buffer.from(buffer, byteOffset, byteLength);
}
