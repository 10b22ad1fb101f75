import { styleText } from "node:util";
import { redactSpec, redactText } from "../lib/redact.ts";
import { visible } from "../reporters/safe_text.ts";

export { visible, visibleJson } from "../reporters/safe_text.ts";

/** Shows a warning on standard error. */
export function warn(message: string): void {
  const mark = Deno.stderr.isTerminal() && !Deno.noColor
    ? styleText("yellow", "warning:")
    : "warning:";
  printError(`${mark} ${visible(redactText(message))}`);
}

/** Prints a line to standard error. Does nothing if the terminal is gone, so that the run still ends normally. */
export function printError(text: string): void {
  try {
    console.error(text);
  } catch {
    // Nobody can read it.
  }
}

/**
 * Makes a message safe for the terminal: without the secrets of URLs and of the arguments that it quotes, and without
 * control characters.
 */
export function safeMessage(text: string, args: readonly string[]): string {
  return visible(redactText(args.reduce(withoutSecrets, text)));
}

function withoutSecrets(text: string, arg: string): string {
  const [, option, value = arg] = /^(--?[^=]+)=(.*)$/s.exec(arg) ?? [];
  // The value of an unknown option may be secret whatever its name.
  let shown = option === undefined ? text : text.replaceAll(arg, () => option);
  // Parts are replaced too, since messages quote a path without its "./".
  for (const part of [value, ...value.split(",")]) {
    const safe = redactSpec(part);
    if (safe !== part) shown = shown.replaceAll(part, () => safe);
  }
  return shown;
}
