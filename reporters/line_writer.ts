import { messageOf } from "../plugins/mod.ts";
import { writeAll } from "./output_file.ts";

/** Where lines end up. */
export interface LineSink {
  /** Writes some of the bytes; tells how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Lets go of it. */
  close(): void;
}

/** Writes lines in the background, in order, while a run goes on. */
export interface LineWriter extends AsyncDisposable {
  /**
   * Adds a line. Its text is made when its turn comes, so that a batch of them does not hold up
   * the run. Never throws: what goes wrong is told by `end`.
   *
   * @param weight How much memory the line holds until then, roughly in hundreds of bytes.
   */
  push(line: () => string, weight?: number): void;
  /**
   * Resolves when every line is written.
   *
   * @throws {Error} If one of them could not be.
   */
  end(): Promise<void>;
}

/** How a line writer is set up. */
export interface LineWriterOptions {
  /** What to call it in an error. */
  readonly name: string;
  /** Opens what is written to; not called before the first line. */
  readonly open: () => Promise<LineSink>;
  /** Weight of the lines that may wait before the writer gives up: a stuck disk must not fill the memory. @default {4_000_000} */
  readonly maxWeight?: number;
}

interface Line {
  readonly text: () => string;
  readonly weight: number;
}

/** Characters that go into one write; the run has its turn between two. */
const portion = 64 * 1024;

/** Makes a line writer. */
export function lineWriter(options: LineWriterOptions): LineWriter {
  const { name, open, maxWeight = 4_000_000 } = options;
  const encoder = new TextEncoder();
  let sink: LineSink | undefined;
  let waiting: Line[] = [];
  let weight = 0;
  let written = 0;
  let failure: unknown;
  let pumping: Promise<void> | undefined;

  async function pump(): Promise<void> {
    try {
      sink ??= await open();
      while (waiting.length > 0) {
        const lines = waiting;
        waiting = [];
        await writeLines(lines, sink);
      }
    } catch (error) {
      fail(error);
    } finally {
      pumping = undefined;
    }
  }

  async function writeLines(
    lines: readonly Line[],
    to: LineSink,
  ): Promise<void> {
    for (let next = 0; next < lines.length && failure === undefined;) {
      let text = "";
      const first = next;
      for (; next < lines.length && text.length < portion; next++) {
        text += lines[next]!.text();
        weight -= lines[next]!.weight;
      }
      await writeAll(to, encoder.encode(text));
      written += next - first;
    }
  }

  function fail(error: unknown): void {
    failure ??= error;
    waiting = [];
  }

  async function close(): Promise<void> {
    await pumping;
    sink?.close();
    sink = undefined;
  }

  return {
    push(text, lineWeight = 1) {
      if (failure !== undefined) return;
      weight += lineWeight;
      if (weight > maxWeight) {
        return fail(new Error("it takes them too slowly, too many wait"));
      }
      waiting.push({ text, weight: lineWeight });
      pumping ??= Promise.resolve().then(pump);
    },
    async end() {
      await close();
      if (failure === undefined || isGone(failure)) return;
      throw new Error(
        `Cannot write all lines to '${name}': ${written} are in it (${
          messageOf(failure)
        })`,
        { cause: failure },
      );
    },
    [Symbol.asyncDispose]: close,
  };
}

/** A reader that has gone away, as `head` does, is no failure. */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe;
}

/** Writes lines to a file that begins anew, or to standard output for `-`. */
export function linesTo(path: string): LineWriter {
  return lineWriter({
    name: path,
    open: () => path === "-" ? standardOutput() : beginFile(path),
  });
}

function beginFile(path: string): Promise<LineSink> {
  return Deno.open(path, { write: true, create: true, truncate: true });
}

function standardOutput(): Promise<LineSink> {
  const sink: LineSink = {
    write: (bytes) => Deno.stdout.write(bytes),
    close: () => {},
  };
  return Promise.resolve(sink);
}
