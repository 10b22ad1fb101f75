import { styleText } from "node:util";
import { shownText } from "../plugins/redact.ts";
import { visible } from "./visible.ts";

/** Tells the person at the terminal something that does not stop the run. */
export function warn(message: string): void {
  const mark = Deno.stderr.isTerminal() && !Deno.noColor
    ? styleText("yellow", "warning:")
    : "warning:";
  console.error(`${mark} ${visible(shownText(message))}`);
}
