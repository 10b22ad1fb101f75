import type { Screen } from "../../cli/live/screen.ts";

/** A terminal that carries out the cursor movements of a view. */
export function fakeTerminal({ columns = 80, rows = 24 } = {}) {
  let written = "";
  let resized = () => {};
  const size = { columns, rows };
  const screen: Screen = {
    isTerminal: true,
    isUnicode: true,
    hasColor: false,
    size: () => size,
    write: (text) => void (written += text),
    onResize(task) {
      resized = task;
      return () => resized = () => {};
    },
  };
  return {
    screen,
    written: () => written,
    /** The lines as a person sees them. */
    lines: () => linesOf(written),
    resize(columns: number) {
      size.columns = columns;
      resized();
    },
  };
}

// deno-lint-ignore no-control-regex -- escape sequences are what it finds
const PIECES = /(\u001b\[\d*[AKJ]|\r|\n)|([^\u001b\r\n]+)/g;

/** Carries out the movements that a view uses. */
export function linesOf(text: string): string[] {
  const lines = [""];
  let row = 0;
  for (const [, command, printed] of text.matchAll(PIECES)) {
    if (command?.endsWith("A")) row -= parseInt(command.slice(2));
    else if (command?.endsWith("J")) lines.splice(row, Infinity, "");
    else if (command === "\n") lines[++row] ??= "";
    else if (printed) lines[row] = printed;
  }
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}
