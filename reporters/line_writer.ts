import { messageOf } from "../plugins/mod.ts";
import { retryOpen, writeAll } from "./output.ts";

/** Destination of lines, such as a file. */
export type LineSink = Pick<Deno.FsFile, "write" | "close">;

/** Options of {@linkcode LineWriter}. */
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

/** Writes lines in the background, in order, while a run continues. */
export class LineWriter implements AsyncDisposable {
  readonly #options: Required<LineWriterOptions>;
  readonly #failed = Promise.withResolvers<void>();
  #failure: unknown;
  #sink: LineSink | undefined;
  #waiting: LinePart[] = [];
  #weight = 0;
  #lowest = Infinity;
  #alarm: ReturnType<typeof setTimeout> | undefined;
  #written = 0;
  #pumping: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: LineWriterOptions) {
    this.#options = { maxWeight: 4_000_000, patienceMs: 30_000, ...options };
  }

  /**
   * Adds a line, or a part of a long one: a line ends with the part that ends in a line break. The text is created just
   * before it is written, so that a batch does not block the run. Never throws: `end` reports failures.
   *
   * @param weight Memory held until then, in units of about 100 bytes.
   */
  push(text: () => string, weight = 1): void {
    if (this.#failure !== undefined) return;
    this.#weight += weight;
    this.#waiting.push({ text, weight });
    const isTooMuch = this.#weight > this.#options.maxWeight;
    if (isTooMuch && this.#alarm === undefined) this.#setAlarm();
    this.#pumping ??= Promise.resolve().then(() => this.#pump());
  }

  /**
   * Resolves when every line is written.
   *
   * @throws {Error} If a line could not be written.
   */
  async end(): Promise<void> {
    await this[Symbol.asyncDispose]();
    const cause = this.#failure;
    // A reader that closes the pipe early, as `head` does, is not an error.
    if (cause === undefined || cause instanceof Deno.errors.BrokenPipe) return;
    throw new Error(
      `${this.#options.name}: cannot write all lines (${this.#written} written): ${
        messageOf(cause)
      }`,
      { cause },
    );
  }

  /** Does not wait for a write that hangs once the writer has given up. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.race([this.#pumping, this.#failed.promise]);
    if (!this.#pumping) this.#closeSink();
  }

  async #pump(): Promise<void> {
    try {
      this.#sink ??= await this.#options.open();
      while (this.#waiting.length > 0) {
        const parts = this.#waiting;
        this.#waiting = [];
        await this.#write(parts, this.#sink);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#pumping = undefined;
      if (this.#isClosed) this.#closeSink();
    }
  }

  async #write(parts: readonly LinePart[], sink: LineSink): Promise<void> {
    for (let next = 0; next < parts.length && this.#failure === undefined;) {
      let text = "";
      let lines = 0;
      let lighter = 0;
      const portion = Math.max(PORTION, this.#weight * CHARACTERS * SHARE);
      for (; next < parts.length && text.length < portion; next++) {
        const part = parts[next]!;
        const added = part.text();
        text += added;
        lighter += part.weight;
        if (added.endsWith("\n")) lines++;
      }
      await writeAll(sink, new TextEncoder().encode(text));
      this.#written += lines;
      this.#weight -= lighter;
      this.#watchProgress();
    }
  }

  /** Starts the timeout while too much waits, and again whenever the weight reaches a new low. */
  #watchProgress(): void {
    if (this.#failure !== undefined) return;
    if (this.#weight <= this.#options.maxWeight) {
      clearTimeout(this.#alarm);
      this.#alarm = undefined;
      this.#lowest = Infinity;
    } else if (this.#weight < this.#lowest) {
      this.#lowest = this.#weight;
      this.#setAlarm();
    }
  }

  #setAlarm(): void {
    const { patienceMs } = this.#options;
    const late = () =>
      this.#fail(
        new Deno.errors.TimedOut(
          `too slow: too many lines wait, and their number did not decrease for ${
            patienceMs / 1000
          } s`,
        ),
      );
    clearTimeout(this.#alarm);
    this.#alarm = setTimeout(late, patienceMs);
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#waiting = [];
    clearTimeout(this.#alarm);
    this.#failed.resolve();
  }

  #closeSink(): void {
    this.#sink?.close();
    this.#sink = undefined;
  }
}

/** Creates a writer to a new file or, for `-`, to standard output. */
export function linesTo(path: string): LineWriter {
  if (path !== "-") {
    const open = () => retryOpen(() => Deno.create(path));
    return new LineWriter({ name: path, open });
  }
  const write = (bytes: Uint8Array) => Deno.stdout.write(bytes);
  const open = () => Promise.resolve({ write, close: () => {} });
  return new LineWriter({ name: "standard output", open });
}
