import { messageOf } from "../plugins/mod.ts";
import { whenFilesAreFree, writeAll } from "./output.ts";

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
   * Adds a line, or where it is long a piece of one: it ends with the piece that ends in a line
   * break. The text is made when its turn comes, so that a batch of them does not hold up the
   * run. Never throws: what goes wrong is told by `end`.
   *
   * @param weight How much memory the text holds until then, roughly in hundreds of bytes.
   */
  push(text: () => string, weight?: number): void;
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
  /** Weight that may wait for long: a stuck disk must not fill the memory. @default {4_000_000} */
  readonly maxWeight?: number;
  /** How long more than `maxWeight` may wait without becoming less, in milliseconds, before the writer gives up. @default {30_000} */
  readonly patienceMs?: number;
}

interface Piece {
  readonly text: () => string;
  readonly weight: number;
}

/** Characters that go into one write, at least; the run goes on between two. */
const PORTION = 64 * 1024;

/** But at least as large a share of what waits: a busy run leaves few moments to write in, and lines must not pile up. */
const SHARE = 1 / 64;

/** Characters that a unit of weight comes to, roughly. */
const CHARACTERS = 100;

/** Makes a line writer. */
export function lineWriter(options: LineWriterOptions): LineWriter {
  const { name, open, maxWeight = 4_000_000, patienceMs = 30_000 } = options;
  const encoder = new TextEncoder();
  const failed = Promise.withResolvers<void>();
  let sink: LineSink | undefined;
  let waiting: Piece[] = [];
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
        const pieces = waiting;
        waiting = [];
        await writePieces(pieces, sink);
      }
    } catch (error) {
      fail(error);
    } finally {
      pumping = undefined;
      if (closed) letGo();
    }
  }

  async function writePieces(
    pieces: readonly Piece[],
    to: LineSink,
  ): Promise<void> {
    for (let next = 0; next < pieces.length && failure === undefined;) {
      let text = "";
      let lines = 0;
      let lighter = 0;
      const portion = Math.max(PORTION, weight * CHARACTERS * SHARE);
      for (; next < pieces.length && text.length < portion; next++) {
        const piece = pieces[next]!;
        const added = piece.text();
        text += added;
        lighter += piece.weight;
        if (added.endsWith("\n")) lines++;
      }
      await writeAll(to, encoder.encode(text));
      written += lines;
      weight -= lighter;
      watchProgress();
    }
  }

  /** Time counts only while too much waits, and anew whenever less of it does than ever since. */
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

  function letGo(): void {
    sink?.close();
    sink = undefined;
  }

  /** A write that hangs is not waited for once it is given up. */
  async function close(): Promise<void> {
    closed = true;
    await Promise.race([pumping, failed.promise]);
    if (!pumping) letGo();
  }

  return {
    push(text, pieceWeight = 1) {
      if (failure !== undefined) return;
      weight += pieceWeight;
      waiting.push({ text, weight: pieceWeight });
      if (weight > maxWeight && alarm === undefined) setAlarm();
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

function tooSlow(patienceMs: number): Error {
  return new Deno.errors.TimedOut(
    `it takes them too slowly: too many wait, and for ${
      patienceMs / 1000
    } s they did not become fewer`,
  );
}

/** A reader that has gone away, as `head` does, is no failure. */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe;
}

/** Writes lines to a file that begins anew, or to standard output for `-`. */
export function linesTo(path: string): LineWriter {
  return lineWriter({
    name: path === "-" ? "standard output" : path,
    open: () => path === "-" ? standardOutput() : beginFile(path),
  });
}

function beginFile(path: string): Promise<LineSink> {
  return whenFilesAreFree(() =>
    Deno.open(path, { write: true, create: true, truncate: true })
  );
}

function standardOutput(): Promise<LineSink> {
  const sink: LineSink = {
    write: (bytes) => Deno.stdout.write(bytes),
    close: () => {},
  };
  return Promise.resolve(sink);
}
