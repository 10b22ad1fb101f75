import { z } from "zod";
import type { ColumnOptions } from "../columns/names.ts";
import { columnsShape, manifestShape } from "../records.ts";
import { type SpeechOptions, speechShape } from "../speech.ts";

/** Options of {@linkcode huggingface}. */
export interface HuggingfaceOptions extends SpeechOptions {
  /** What the hub calls it, as `openslr/librispeech_asr`. */
  dataset: string;
  /** Which of its configurations. @default {the card's, else `default`, else the only one} */
  config?: string;
  /** Which part. @default {`test`, else the first} */
  split?: string;
  /** A branch, a tag or a commit. @default {"main"} */
  revision?: string;
  /** Environment variable that holds an access token. @default {`HF_TOKEN`, where that is set} */
  tokenEnv?: string;
  /** Which columns hold what. @default {found by their names} */
  columns?: ColumnOptions;
  /** How chats are sent: `last` as one request, `all` as a session of turns. @default {"last"} */
  turns?: "last" | "all";
  /** Whether what was downloaded is kept for the next run. @default {true} */
  cache?: boolean;
  /** Where it is kept. @default {`$HF_HOME/earshot`, else `~/.cache/earshot/huggingface`} */
  cacheDir?: string;
  /** The hub's address. @default {`$HF_ENDPOINT`, else `https://huggingface.co`} */
  endpoint?: string;
  /** Longest time in which nothing may come from the hub, in milliseconds. @default {30000} */
  fetchTimeoutMs?: number;
}

/** The schema of {@linkcode HuggingfaceOptions}. */
export const schema = z.strictObject({
  dataset: z.string().regex(/^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/, {
    error: "it must be the hub's name for it, as owner/name",
  }).describe("What the hub calls it, as openslr/librispeech_asr"),
  config: z.string().min(1).optional().describe(
    "Which of its configurations (default: the card's, else default, else the only one)",
  ),
  split: z.string().min(1).optional().describe(
    "Which part (default: test, else the first)",
  ),
  revision: z.string().min(1).optional().describe(
    "A branch, a tag or a commit (default: main)",
  ),
  tokenEnv: z.string().min(1).optional().describe(
    "Environment variable that holds an access token (default: HF_TOKEN, where that is set)",
  ),
  columns: columnsShape,
  turns: manifestShape.turns,
  cache: z.boolean().default(true).describe(
    "Keep what was downloaded for the next run",
  ),
  cacheDir: z.string().min(1).optional().describe(
    "Where it is kept (default: $HF_HOME/earshot, else ~/.cache/earshot/huggingface)",
  ),
  endpoint: z.url({ protocol: /^https?$/ }).optional().describe(
    "The hub's address (default: $HF_ENDPOINT, else https://huggingface.co)",
  ),
  fetchTimeoutMs: z.number().positive().default(30_000).describe(
    "Longest time in which nothing may come from the hub, in milliseconds",
  ),
  ...speechShape,
});

/** Options, filled in. */
export type Options = z.output<typeof schema>;
