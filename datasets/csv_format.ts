import { Readable } from "node:stream";
import { CsvError, type Info, type Options, parse } from "csv-parse";
import { parse as parseSync } from "csv-parse/sync";
import {
  type Entry,
  LineError,
  type ManifestFormat,
  type Row,
} from "./manifest_format.ts";

/** What csv-parse gives for a record with `info`. */
interface Parsed {
  readonly record: readonly string[];
  readonly info: Info;
}

/** CSV with a header; cells may be quoted, and quoted ones may hold line breaks. */
export function csvFormat(delimiter: string): ManifestFormat {
  let header: readonly string[] = [];
  const options: Options = {
    delimiter,
    bom: true,
    info: true,
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_column_count: true,
    skip_empty_lines: true,
  };

  async function* entries(
    bytes: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Entry> {
    let start = 0;
    let first = true;
    for await (const { record, info } of parsed(bytes, options)) {
      const line = info.lines - lineBreaks(record);
      if (first) header = checkHeader(record, line);
      else yield { line, start, end: info.bytes, row: () => toRow(record) };
      first = false;
      start = info.bytes;
    }
  }

  function toRow(record: readonly string[]): Row {
    if (record.length !== header.length) {
      throw new Error(
        `each record must have the header's ${header.length} cells: current value is ${record.length}`,
      );
    }
    return Object.fromEntries(header.map((name, i) => [name, record[i]]));
  }

  return {
    header: () => header,
    entries,
    row(bytes) {
      const all = parseSync(bytes as never, options) as unknown as Parsed[];
      return toRow(all[0]?.record ?? []);
    },
  };
}

async function* parsed(
  bytes: AsyncIterable<Uint8Array>,
  options: Options,
): AsyncGenerator<Parsed> {
  const parser = parse(options);
  const source = Readable.from(bytes);
  const closed = new Promise((resolve) => source.once("close", resolve));
  source.once("error", (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    for await (const each of parser) yield each as Parsed;
  } catch (cause) {
    throw lineError(cause);
  } finally {
    parser.destroy();
    source.destroy();
    await closed;
  }
}

function lineError(cause: unknown): unknown {
  if (!(cause instanceof CsvError)) return cause;
  const line = Number(cause["lines"]);
  return new LineError(line, `the file must be CSV: ${cause.message}`, {
    cause,
  });
}

function checkHeader(
  record: readonly string[],
  line: number,
): readonly string[] {
  const twice = record.find((name, i) => record.indexOf(name) !== i);
  if (twice === undefined) return record;
  throw new LineError(
    line,
    `the header must name each column once: current value has ${
      JSON.stringify(twice)
    } twice`,
  );
}

function lineBreaks(record: readonly string[]): number {
  return record.reduce(
    (sum, cell) => sum + cell.split(/\r\n|\r|\n/).length - 1,
    0,
  );
}
