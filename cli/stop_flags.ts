import type { RunStopRules, StopRules } from "../core/config.ts";
import { isUsageError, type Problem, UsageError } from "../core/errors.ts";
import { parseDuration } from "../lib/units.ts";
import { suggestion } from "../plugins/problems.ts";
import {
  durationOf,
  positiveDuration,
  positiveNumber,
  shareOf,
  shown,
} from "./flag_values.ts";

/** Rules by their names in a flag, each with its key in the configuration and the parser of its value. */
export type StopRuleParsers = Readonly<
  Record<string, readonly [key: string, parse: (text: string) => unknown]>
>;

/** Rules of `--stop-run`. */
export const RUN_STOP_RULES: StopRuleParsers = {
  duration: rule("durationMs", positiveDuration),
  requests: rule("requests", positiveNumber),
  errors: rule("errors", positiveNumber),
  errorRate: rule("errorRate", limitOf),
  recentErrorRate: rule("recentErrorRate", limitOf),
  window: rule("recentErrorWindow", positiveNumber),
  saturation: rule("saturation", switchOf),
};

/** Rules of `--stop`. */
export const STOP_RULES: StopRuleParsers = {
  ...RUN_STOP_RULES,
  silence: ["silenceMs" satisfies keyof StopRules, positiveDuration],
};

function rule(
  key: keyof RunStopRules,
  parse: (text: string) => unknown,
): StopRuleParsers[string] {
  return [key, parse];
}

/** Parses the value of `--stop` or `--stop-run`: `errors=10,recentErrorRate=50%,window=20,saturation`. */
export function parseStopRules(
  text: string,
  parsers: StopRuleParsers,
): {
  readonly rules: Readonly<Record<string, unknown>>;
  readonly problems: readonly Problem[];
} {
  const rules: Record<string, unknown> = {};
  const problems: Problem[] = [];
  for (const item of new Set(text.split(",").map((item) => item.trim()))) {
    const [name = "", ...parts] = item.split("=");
    const found = Object.hasOwn(parsers, name) ? parsers[name] : undefined;
    if (found === undefined) {
      const hint = suggestion(name, Object.keys(parsers));
      problems.push({
        path: name,
        message: `unknown rule ${shown(name)}; ${hint}`,
      });
      continue;
    }
    const [key, parse] = found;
    if (Object.hasOwn(rules, key)) {
      problems.push({ path: key, message: `${name} must be given once` });
      continue;
    }
    try {
      rules[key] = parse(parts.join("="));
    } catch (error) {
      if (!isUsageError(error)) throw error;
      problems.push({ path: key, message: `${name} ${error.message}` });
    }
  }
  return { rules, problems };
}

function limitOf(text: string): number {
  const share = text === "1" ? 1 : shareOf(text);
  if (share > 0) return share;
  throw new UsageError(`must be above 0, but was ${text}`);
}

function switchOf(text: string): boolean {
  if (text === "" || text === "true") return true;
  if (text === "false") return false;
  throw new UsageError(`must be true or false, but was ${shown(text)}`);
}

/** Parses the length of a warm-up or a cool-down: `10s`, `100` requests, `10%` or `auto`. */
export function lengthRule(
  part: "warmup" | "cooldown",
  text: string,
): [name: string, value: unknown] {
  if (text === "auto") return [`${part}Auto`, true];
  if (/^[1-9]\d*$/.test(text)) {
    return [`${part}Requests`, positiveNumber(text)];
  }
  if (/^(\d+(\.\d+)?%|0?\.\d+)$/.test(text)) {
    return [`${part}Share`, shareOf(text)];
  }
  if (parseDuration(text) !== undefined) {
    return [`${part}Ms`, durationOf(text)];
  }
  throw new UsageError(
    `must be a time such as 10s, a number of requests, a share such as 10%, or auto, but was ${
      shown(text)
    }`,
  );
}
