import type { ServerClock } from "../clock.ts";

/** What stands in every chunk and answer. */
export interface Head {
  readonly id: string;
  /** In seconds since 1970. */
  readonly created: number;
  readonly model: string;
}

/** What servers call the software that answers. */
export const FINGERPRINTS = {
  vllm: "vllm-0.32.0-d2b7fb31",
  openai: "fp_0123456789",
  deepseek: "fp_0123456789_prod",
} as const;

/** The head of an answer that is made now. */
export function headOf(id: string, model: unknown, clock: ServerClock): Head {
  return {
    id,
    created: Math.floor(clock.now() / 1000),
    model: String(model),
  };
}
