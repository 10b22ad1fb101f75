import { styleText } from "node:util";
import { redactText } from "../lib/redact.ts";
import { visible } from "./output.ts";

/** Tells the person at the terminal something that does not stop the run. */
export function warn(message: string): void {
  say(`${mark()} ${visible(redactText(message))}`);
}

/** Prints a line to standard error, unless the terminal is gone: a run that was hung up still ends as it should. */
export function say(text: string): void {
  try {
    console.error(text);
  } catch {
    // Nobody is there to read it.
  }
}

function mark(): string {
  return Deno.stderr.isTerminal() && !Deno.noColor
    ? styleText("yellow", "warning:")
    : "warning:";
}
