import { parseFault } from "./faults.ts";
import { SESSION_DEFAULTS, type SessionOptions } from "./options.ts";

/**
 * The options of one connection: the server's, changed by the query (`?tokenMs=0&fault=drop@appends:5`, `fault` as
 * often as wanted) or by the header `earshot-options`, which holds the same.
 *
 * @returns What is wrong with the query, if something is.
 */
export function sessionOptions(
  request: { readonly url: string; readonly headers: Headers },
  defaults: SessionOptions,
): SessionOptions | string {
  const changes: Record<string, unknown> = {};
  const faults = [...defaults.faults];
  const settings = [
    ...new URL(request.url).searchParams,
    ...new URLSearchParams(request.headers.get("earshot-options") ?? ""),
  ];
  try {
    for (const [name, value] of settings) {
      if (name === "fault") faults.push(parseFault(value));
      else if (isSetting(name)) changes[name] = valueOf(name, value);
    }
  } catch (error) {
    return (error as Error).message;
  }
  const { tokenMs } = changes;
  if (tokenMs !== undefined) changes.finalTokenMs ??= tokenMs;
  return { ...defaults, ...changes, faults };
}

/** Other names pass, as a real server lets them. */
function isSetting(name: string): name is keyof SessionOptions {
  return Object.hasOwn(SESSION_DEFAULTS, name) && name !== "faults";
}

function valueOf(name: keyof SessionOptions, text: string): unknown {
  if (typeof SESSION_DEFAULTS[name] === "string") {
    if (name !== "mode" || text === "tokens" || text === "segments") {
      return text;
    }
    throw new TypeError(
      `Cannot set mode as it is tokens or segments: current value is ${text}`,
    );
  }
  const value = Number(text);
  if (text.trim() !== "" && value >= 0) return value;
  throw new TypeError(
    `Cannot set ${name} as it is a number of at least 0: current value is ${text}`,
  );
}
