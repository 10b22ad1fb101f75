import { setTimeout as pause } from "node:timers/promises";
import { messageOf } from "../../plugins/mod.ts";

/** Bytes that a pipe accepts as a whole or not at all, also if another process made it non-blocking. */
const PIECE = 4096;

/**
 * Prints texts to standard output in order, while a run continues. A terminal has each text at once, so that it does
 * not mix with the line of progress. A pipe is written in the background: a reader that is slow, as a pager is, must not
 * stop the run.
 */
export class Printer {
  #waiting: Promise<void> = Promise.resolve();
  #failure: unknown;
  readonly #isTerminal = Deno.stdout.isTerminal();

  /** Prints a text. Never throws: `end` reports failures. */
  print(text: string): void {
    if (text === "") return;
    const bytes = new TextEncoder().encode(text);
    const done = this.#isTerminal ? this.#writeNow(bytes) : 0;
    if (done < bytes.length) {
      this.#waiting = this.#waiting.then(() =>
        this.#writeLater(bytes.subarray(done))
      );
    }
  }

  /**
   * Resolves when everything is printed.
   *
   * @throws {Error} If a text could not be printed.
   */
  async end(): Promise<void> {
    await this.#waiting;
    const cause = this.#failure;
    // A reader that closes the pipe early, as `head` does, is not an error.
    if (cause === undefined || cause instanceof Deno.errors.BrokenPipe) return;
    throw new Error(`cannot write standard output: ${messageOf(cause)}`, {
      cause,
    });
  }

  /** Returns the number of bytes that the terminal accepted. */
  #writeNow(bytes: Uint8Array): number {
    let done = 0;
    try {
      while (done < bytes.length) {
        done += Deno.stdout.writeSync(bytes.subarray(done));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) {
        this.#failure ??= error;
        return bytes.length;
      }
    }
    return done;
  }

  async #writeLater(bytes: Uint8Array): Promise<void> {
    let done = 0;
    while (done < bytes.length && this.#failure === undefined) {
      try {
        done += await Deno.stdout.write(bytes.subarray(done, done + PIECE));
      } catch (error) {
        if (error instanceof Deno.errors.WouldBlock) await pause(2);
        else this.#failure = error;
      }
    }
  }
}
