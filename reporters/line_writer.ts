import { messageOf } from "../plugins/mod.ts";
import { retryOpen, writeAll } from "./output.ts";

/** Destination of lines. */
export interface LineSink {
  /** Writes some of the bytes and returns their number. */
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** Writes lines in the background, in order, while a run continues. */
export interface LineWriter extends AsyncDisposable {
  /**
   * Adds a line, or a part of a long one: a line ends with the part that ends in a line break. The text is created just
   * before it is written, so that a batch does not block the run. Never throws: `end` reports failures.
   *
   * @param weight Memory held until then, in units of about 100 bytes.
   */
  push(text: () => string, weight?: number): void;
  /**
   * Resolves when every line is written.
   *
   * @throws {Error} If a line could not be written.
   */
  end(): Promise<void>;
}

/** Options of {@linkcode lineWriter}. */
export interface LineWriterOptions {
  /** Name of the destination in errors. */
  readonly name: string;
  /** Opens the destination; called with the first line. */
  readonly open: () => Promise<LineSink>;
  /** Maximum weight of waiting lines: a stuck disk must not fill the memory. @default {4_000_000} */
  readonly maxWeight?: number;
  /** Time that more than `maxWeight` may wait without decreasing, in milliseconds, before the writer gives up. @default {30_000} */
  readonly patienceMs?: number;
}

/** Line, or a part of a long one. */
export interface LinePart {
  /** Creates the text. */
  readonly text: () => string;
  /** Memory held until then, in units of about 100 bytes. */
  readonly weight: number;
}

/** Minimum number of characters in one write. The run continues between two writes. */
const PORTION = 64 * 1024;

/** Minimum share of the waiting lines in one write: a busy run leaves little time to write, and lines must not pile up. */
const SHARE = 1 / 64;

/** Approximate number of characters in a unit of weight. */
const CHARACTERS = 100;

/** Creates a line writer. */
export function lineWriter(options: LineWriterOptions): LineWriter {
  const { name, open, maxWeight = 4_000_000, patienceMs = 30_000 } = options;
  const encoder = new TextEncoder();
  const failed = Promise.withResolvers<void>();
  let sink: LineSink | undefined;
  let waiting: LinePart[] = [];
  let weight = 0;
  let lowest = Infinity;
  let alarm: ReturnType<typeof setTimeout> | undefined;
  let written = 0;
  let failure: unknown;
  let pumping: Promise<void> | undefined;
  let closed = false;

  async function pump(): Promise<void> {
    try {
      sink ??= await open();
      while (waiting.length > 0) {
        const parts = waiting;
        waiting = [];
        await writeParts(parts, sink);
      }
    } catch (error) {
      fail(error);
    } finally {
      pumping = undefined;
      if (closed) closeSink();
    }
  }

  async function writeParts(
    parts: readonly LinePart[],
    to: LineSink,
  ): Promise<void> {
    for (let next = 0; next < parts.length && failure === undefined;) {
      let text = "";
      let lines = 0;
      let lighter = 0;
      const portion = Math.max(PORTION, weight * CHARACTERS * SHARE);
      for (; next < parts.length && text.length < portion; next++) {
        const part = parts[next]!;
        const added = part.text();
        text += added;
        lighter += part.weight;
        if (added.endsWith("\n")) lines++;
      }
      await writeAll(to, encoder.encode(text));
      written += lines;
      weight -= lighter;
      watchProgress();
    }
  }

  /** Starts the timeout while too much waits, and again whenever the weight reaches a new low. */
  function watchProgress(): void {
    if (failure !== undefined) return;
    if (weight <= maxWeight) {
      clearTimeout(alarm);
      alarm = undefined;
      lowest = Infinity;
    } else if (weight < lowest) {
      lowest = weight;
      setAlarm();
    }
  }

  function setAlarm(): void {
    clearTimeout(alarm);
    alarm = setTimeout(() => fail(tooSlow(patienceMs)), patienceMs);
  }

  function fail(error: unknown): void {
    failure ??= error;
    waiting = [];
    clearTimeout(alarm);
    failed.resolve();
  }

  function closeSink(): void {
    sink?.close();
    sink = undefined;
  }

  /** Does not wait for a write that hangs once the writer has given up. */
  async function close(): Promise<void> {
    closed = true;
    await Promise.race([pumping, failed.promise]);
    if (!pumping) closeSink();
  }

  return {
    push(text, partWeight = 1) {
      if (failure !== undefined) return;
      weight += partWeight;
      waiting.push({ text, weight: partWeight });
      if (weight > maxWeight && alarm === undefined) setAlarm();
      pumping ??= Promise.resolve().then(pump);
    },
    async end() {
      await close();
      // A reader that closes the pipe early, as `head` does, is not an error.
      if (failure instanceof Deno.errors.BrokenPipe) return;
      if (failure === undefined) return;
      throw new Error(
        `${name}: cannot write all lines (${written} written): ${
          messageOf(failure)
        }`,
        { cause: failure },
      );
    },
    [Symbol.asyncDispose]: close,
  };
}

function tooSlow(patienceMs: number): Error {
  return new Deno.errors.TimedOut(
    `too slow: too many lines wait, and their number did not decrease for ${
      patienceMs / 1000
    } s`,
  );
}

/** Creates a writer to a new file or, for `-`, to standard output. */
export function linesTo(path: string): LineWriter {
  if (path === "-") {
    const { stdout } = Deno;
    const sink = { write: stdout.write.bind(stdout), close: () => {} };
    const open = () => Promise.resolve(sink);
    return lineWriter({ name: "standard output", open });
  }
  return lineWriter({
    name: path,
    open: () => retryOpen(() => Deno.create(path)),
  });
}
