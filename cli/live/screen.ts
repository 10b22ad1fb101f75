import { isUnicodeLocale } from "../../lib/locale.ts";
import { displayWidth } from "../../reporters/console/layout.ts";

/** Output of the view of a run. */
export interface Screen {
  /** Whether it is a terminal whose lines can be written again. */
  readonly isTerminal: boolean;
  /** Whether characters beyond ASCII can be shown. */
  readonly isUnicode: boolean;
  /** Whether colour is wanted where nothing else is said. */
  readonly hasColor: boolean;
  /** Size in characters. */
  size(): { readonly columns: number; readonly rows: number };
  /** Writes text unchanged. */
  write(text: string): void;
  /** Calls `task` when the size changes. Returns a function that ends that. */
  onResize(task: () => void): () => void;
}

/** Size where the terminal gives none. */
const DEFAULT_SIZE = { columns: 80, rows: 24 };

/** Standard error. */
export function standardError(): Screen {
  const env = (name: string) => Deno.env.get(name) ?? "";
  const encoder = new TextEncoder();
  return {
    isTerminal: Deno.stderr.isTerminal() && env("TERM") !== "dumb" &&
      ["", "false"].includes(env("CI")),
    // Consoles of Windows take any character.
    isUnicode: Deno.build.os === "windows" || isUnicodeLocale(env),
    hasColor: Deno.stderr.isTerminal() && !Deno.noColor,
    size() {
      try {
        const { columns, rows } = Deno.consoleSize();
        // A pseudo-terminal without a size has 0 columns.
        return columns > 0 && rows > 0 ? { columns, rows } : DEFAULT_SIZE;
      } catch {
        return DEFAULT_SIZE;
      }
    },
    write(text) {
      try {
        const bytes = encoder.encode(text);
        for (let at = 0; at < bytes.length;) {
          at += Deno.stderr.writeSync(bytes.subarray(at));
        }
      } catch {
        // The terminal is gone.
      }
    },
    onResize(task) {
      if (Deno.build.os === "windows") return () => {};
      Deno.addSignalListener("SIGWINCH", task);
      return () => Deno.removeSignalListener("SIGWINCH", task);
    },
  };
}

/**
 * Lines at the end of a terminal that are written again in their place. The cursor is always in the line below them and
 * never hidden, so that nothing has to be restored, whatever ends the process.
 */
export class LiveBlock {
  readonly #screen: Screen;
  #lines: readonly string[] = [];

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** Whether there are lines. */
  get isShown(): boolean {
    return this.#lines.length > 0;
  }

  /** Writes lines in the place of the last ones. Each must be narrower than the terminal. */
  show(lines: readonly string[]): void {
    const written = lines.map((line) => `${line}\x1b[K\n`).join("");
    this.#screen.write(`${this.#toFirstLine()}${written}\x1b[J`);
    this.#lines = lines;
  }

  /** Removes the lines: what is written next is in their place. */
  clear(): void {
    if (this.#lines.length === 0) return;
    this.#screen.write(`${this.#toFirstLine()}\x1b[J`);
    this.#lines = [];
  }

  /** Calls `write` with the lines removed, and writes them again below. */
  aside(write: () => void): void {
    const lines = this.#lines;
    this.clear();
    write();
    if (lines.length > 0) this.show(lines);
  }

  /** Moves the cursor to the first line. A terminal that became narrower has broken the lines that are too wide now. */
  #toFirstLine(): string {
    const { columns } = this.#screen.size();
    const rows = this.#lines.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / columns)),
      0,
    );
    return rows > 0 ? `\r\x1b[${rows}A` : "\r";
  }
}
