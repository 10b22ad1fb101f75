import type { Dialect } from "./options.ts";

/** The id of an answer, as the dialect's servers form it: vLLM's ends in the request's own id, if it has one. */
export function answerId(
  prefix: string,
  { digits, dialect, given }: {
    /** 32 hexadecimal digits. */
    digits: string;
    dialect: Dialect;
    /** The header `x-request-id`. */
    given: string | readonly string[] | undefined;
  },
): string {
  switch (dialect) {
    case "vllm":
      return prefix + (typeof given === "string" ? given : digits.slice(0, 16));
    case "openai":
      return prefix + digits;
    case "sglang":
    case "mistral":
      return digits;
    case "deepseek":
      return [[0, 8], [8, 12], [12, 16], [16, 20], [20, 32]]
        .map(([from, to]) => digits.slice(from, to)).join("-");
  }
}

/** An id that follows from another and a number. */
export function innerId(prefix: string, id: string, number: number): string {
  const digits = id.replace(/^.*_|[^0-9a-f]/g, "").slice(-14).padStart(14, "0");
  return prefix + digits + number.toString(16).padStart(2, "0");
}
