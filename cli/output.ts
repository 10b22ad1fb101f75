import { redactSpec, redactText } from "../lib/redact.ts";
import { visible } from "../reporters/safe_text.ts";

export { visible, visibleJson } from "../reporters/safe_text.ts";

/**
 * A message for the terminal: without the secrets of URLs and of the arguments that it repeats, and without anything
 * that could steer the terminal.
 */
export function shownMessage(text: string, args: readonly string[]): string {
  return visible(redactText(args.reduce(withoutSecrets, text)));
}

function withoutSecrets(text: string, arg: string): string {
  const [, option, value = arg] = /^(--?[^=]+)=(.*)$/s.exec(arg) ?? [];
  // The value of an unknown option may be a secret whatever its name.
  let shown = option === undefined ? text : text.replaceAll(arg, () => option);
  // A path is repeated without its "./": its parts are found even so.
  for (const part of [value, ...value.split(",")]) {
    const safe = redactSpec(part);
    if (safe !== part) shown = shown.replaceAll(part, () => safe);
  }
  return shown;
}
