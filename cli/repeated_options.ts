import type { Command, Option } from "commander";
import { UsageError } from "../plugins/mod.ts";
import { redactSpec } from "../lib/redact.ts";

/** How to give several values at once, where that is likely to be meant. */
const INSTEAD: Readonly<Record<string, string>> = {
  load: "for several stages give one list: --load concurrent=1,8",
};

/**
 * Refuses an option that is given twice with different values: commander would keep the last one without a word.
 * Options that gather several values, as `--report` does, have a parser of their own and are left alone.
 */
export function refuseRepeatedOptions(program: Command): void {
  for (const command of program.commands) {
    for (const option of command.options) {
      const takesOne = option.required && option.parseArg === undefined;
      if (takesOne) refuseRepeated(command, option);
    }
  }
}

function refuseRepeated(command: Command, option: Option): void {
  let first: string | undefined;
  command.on(`option:${option.name()}`, (value: string) => {
    first ??= value;
    if (value === first) return;
    const instead = INSTEAD[option.name()] ?? "give one of them";
    throw new UsageError(
      `${option.long}: must be given once, but was given as ${
        JSON.stringify(redactSpec(first))
      } and as ${JSON.stringify(redactSpec(value))}; ${instead}`,
    );
  });
}
