import { type Fault, parseFault } from "./faults.ts";
import { nearest } from "./nearest.ts";

/** Options that text can change: numbers of at least 0, truth values, words, and faults. */
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

/**
 * The options of one connection or request: the server's, changed by the query (`?tokenMs=0&fault=drop@appends:5`,
 * `fault` as often as wanted) or by the header `earshot-options`, which holds the same.
 *
 * @returns What is wrong with the query, if something is.
 */
export function settingsOf<
  Options extends { readonly faults: readonly Fault[] },
>(
  request: { readonly url: string; readonly headers: Headers },
  { current, known }: {
    /** What holds where the request says nothing. */
    current: Options;
    /** The options that there are: others pass, as a real server lets them. */
    known: Omit<Options, "faults">;
  },
): { options: Options; changed: ReadonlySet<string> } | string {
  const kinds = known as unknown as Settings;
  const changes: Record<string, unknown> = {};
  const faults = [...current.faults];
  const settings = [
    ...new URL(request.url).searchParams,
    ...new URLSearchParams(request.headers.get("earshot-options") ?? ""),
  ];
  try {
    for (const [name, value] of settings) {
      if (name === "fault") faults.push(parseFault(value));
      else if (Object.hasOwn(kinds, name) && name !== "faults") {
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

/** The most that a number may be, where that is not any. */
const MOST: Readonly<Record<string, number>> = { wordErrorRate: 1 };

function valueOf(name: string, text: string, like: unknown): unknown {
  if (typeof like === "number") {
    const value = Number(text);
    const most = MOST[name];
    if (text.trim() !== "" && value >= 0 && value <= (most ?? Infinity)) {
      return value;
    }
    const range = most === undefined ? "of at least 0" : `from 0 to ${most}`;
    throw problem(name, `a number ${range}`, text);
  }
  if (typeof like === "boolean") {
    if (text === "true" || text === "false") return text === "true";
    throw problem(name, "true or false", text);
  }
  const choices = CHOICES[name];
  if (!choices || choices.includes(text)) return text;
  const words = choices.filter(Boolean);
  const [last, ...others] = words.toReversed();
  const rule = `${others.reverse().join(", ")} or ${last}`;
  const meant = nearest(text, words);
  throw problem(
    name,
    meant === undefined ? rule : `${rule} (did you mean ${meant}?)`,
    text,
  );
}

function problem(name: string, rule: string, text: string): TypeError {
  return new TypeError(
    `Cannot set ${name} as it must be ${rule}: current value is ${text}`,
  );
}
