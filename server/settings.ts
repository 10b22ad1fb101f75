import { oneOf } from "./fault_arguments.ts";
import { type Fault, parseFault } from "./faults.ts";
import { nearest } from "../lib/nearest.ts";
import type { ServerOptions } from "./options.ts";
import { rangeProblem, RANGES } from "./ranges.ts";

/** Options that text can change: numbers, truth values, words, and faults. */
type Settings = {
  readonly [name: string]:
    | number
    | boolean
    | string
    | readonly Fault[];
};

/** The words that an option takes, where it does not take any. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  mode: ["tokens", "segments"],
  dialect: ["vllm", "openai", "sglang", "mistral", "deepseek"],
  jitterShape: ["even", "normal", "exponential"],
  roleChunk: ["token", "accept", "none"],
  reasoningField: ["", "reasoning", "reasoning_content"],
  usageStyle: ["", "asked", "final", "finish", "every", "none"],
  transcriptionForm: ["", "vllm", "openai", "sglang", "mistral"],
};

/** What settings are read for. */
interface Reading<Options> {
  /** What holds where the request says nothing. */
  readonly current: Options;
  /** The options that there are. */
  readonly known: Omit<Options, "faults">;
  /** Whose options these are. */
  readonly of: "sessions" | "requests";
}

/**
 * The options of one connection or request: the server's, changed by the query (`?tokenMs=0&fault=drop@appends:5`,
 * `fault` as often as wanted) or by the header `earshot-options`, which holds the same. Other names pass in a query, as
 * a real server lets them; the header is read by this server alone, so that there they are mistakes.
 *
 * @returns What is wrong with the settings, if something is.
 */
export function settingsOf<
  Options extends { readonly faults: readonly Fault[] },
>(
  request: { readonly url: string; readonly headers: Headers },
  { current, known, of }: Reading<Options>,
): { options: Options; changed: ReadonlySet<string> } | string {
  const kinds = known as unknown as Settings;
  const names = Object.keys(kinds).filter((name) => name !== "faults");
  const changes: Record<string, unknown> = {};
  const faults = [...current.faults];
  const header = new URLSearchParams(
    request.headers.get("earshot-options") ?? "",
  );
  try {
    for (const name of header.keys()) {
      if (name !== "fault" && !names.includes(name)) {
        throw unknown(name, names, of);
      }
    }
    const settings = [...new URL(request.url).searchParams, ...header];
    for (const [name, value] of settings) {
      if (name === "fault") faults.push(parseFault(value));
      else if (names.includes(name)) {
        changes[name] = valueOf(name, value, kinds[name]);
      }
    }
  } catch (error) {
    return (error as Error).message;
  }
  return {
    options: { ...current, ...changes, faults },
    changed: new Set(Object.keys(changes)),
  };
}

/**
 * Looks whether options that a program gives are such as text could give.
 *
 * @throws {TypeError} One is out of its range, or none of its words.
 */
export function checkOptions(options: ServerOptions): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const rule = ruleBroken(name, value);
    if (rule !== undefined) throw problem(name, rule, String(value));
  }
}

/** What the value of an option must be, where this one is not. */
function ruleBroken(name: string, value: unknown): string | undefined {
  if (Object.hasOwn(RANGES, name)) {
    const number = typeof value === "number" ? value : NaN;
    return rangeProblem(number, RANGES[name as keyof typeof RANGES]);
  }
  const choices = Object.hasOwn(CHOICES, name) ? CHOICES[name]! : undefined;
  if (!choices || choices.includes(value as string)) return undefined;
  const words = choices.filter(Boolean);
  const rule = oneOf(words);
  const meant = nearest(String(value), words);
  return meant === undefined ? rule : `${rule} (did you mean ${meant}?)`;
}

function valueOf(name: string, text: string, like: unknown): unknown {
  if (typeof like === "boolean") {
    if (text === "true" || text === "false") return text === "true";
    throw problem(name, "true or false", text);
  }
  const isNumber = typeof like === "number";
  const number = text.trim() === "" ? NaN : Number(text);
  const value = isNumber ? number : text;
  const rule = ruleBroken(name, value);
  if (rule !== undefined) throw problem(name, rule, text);
  return value;
}

function problem(name: string, rule: string, text: string): TypeError {
  return new TypeError(
    `Cannot set ${name} as it must be ${rule}: current value is ${
      text || '""'
    }`,
  );
}

function unknown(
  name: string,
  names: readonly string[],
  of: string,
): TypeError {
  const meant = nearestOption(name, names);
  return new TypeError(
    `Cannot set ${name} as the header earshot-options must name options of ${of}: current value is ${name}` +
      (meant === undefined ? "" : `; did you mean ${meant}?`),
  );
}

/** The option that was probably meant, with or without the unit at its end. */
function nearestOption(
  name: string,
  names: readonly string[],
): string | undefined {
  const near = nearest(name, names);
  if (near !== undefined) return near;
  const times = names.filter((time) => time.endsWith("Ms"));
  const stems = times.map((time) => time.slice(0, -2));
  const stem = stems.includes(name) ? name : nearest(name, stems);
  return stem && `${stem}Ms`;
}
