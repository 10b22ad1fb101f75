/** One record of a manifest: its values by column. */
export type Row = Readonly<Record<string, unknown>>;

/** Where a record stands. */
export interface Span {
  /** The line that it begins on, from 1; where records are no lines, its number. */
  readonly line: number;
  /** Its first byte in the file. */
  readonly start: number;
  /** The byte after its last. */
  readonly end: number;
}

/** A record that was met. */
export interface Entry extends Span {
  /**
   * Its values.
   *
   * @throws {FileError} If nothing that follows can be read either.
   * @throws {Error} If it cannot be read: the message has no line in it.
   */
  row(): Row;
}

/** How a kind of manifest is divided into records and how one is read. */
export interface ManifestFormat {
  /** What stands between the file's name and a record's number where that is no line: `#`. @default {":"} */
  readonly mark?: string;
  /** Columns that are fixed before the first record, as a CSV header does; known once `entries` began. */
  header?(): readonly string[];
  /** Divides a file into records. */
  entries(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Entry>;
  /** Reads one record by itself, after `entries` began once. */
  row(bytes: Uint8Array): Row;
}

/** What is wrong with one line. */
export class LineError extends Error {
  /** Makes one, with the line's number, from 1; pass the `cause`. */
  constructor(readonly line: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LineError";
  }
}

/** What is wrong with a file from a record on, so that it cannot be passed over. */
export class FileError extends Error {
  /** Makes one; pass the `cause`. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "FileError";
  }
}
