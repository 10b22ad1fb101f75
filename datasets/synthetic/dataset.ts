import {
  type Dataset,
  type DatasetPlugin,
  defineDataset,
  messageOf,
  UsageError,
} from "../../plugins/mod.ts";
import { openTokenizer } from "../../tokens/mod.ts";
import type { SyntheticOptions } from "./options.ts";
import type { SyntheticSettings } from "./schema.ts";
import { sessionMaker } from "./sessions.ts";
import { hasPrompts, syntheticSchema } from "./settings.ts";
import { byCharacters } from "./write_by_characters.ts";
import { byTokenizer } from "./write_by_tokenizer.ts";
import type { Writer } from "./writer.ts";

/**
 * Prompts, speech-shaped noise and pictures of given sizes, made from the run's seed: no two sessions begin alike,
 * so that no cache of a server's can help, unless they are to share a prefix.
 *
 * @example Prompts of 512 tokens or so, that share one of four system messages
 * ```ts
 * import { synthetic } from "@earshot/earshot";
 *
 * const dataset = synthetic({
 *   inputTokens: { mean: 512, stdev: 128, min: 64 },
 *   outputTokens: 128,
 *   prefixTokens: 1024,
 *   prefixCount: 4,
 * });
 * ```
 */
export const synthetic: DatasetPlugin<SyntheticOptions> = defineDataset({
  name: "synthetic",
  summary:
    "Prompts, noise like speech and pictures of given sizes; needs no files",
  options: syntheticSchema,
  open,
});

async function open(settings: SyntheticSettings): Promise<Dataset> {
  const { count, samePasses, tokenizer, prefixTokens, prefixes } = settings;
  const writer = tokenizer === undefined
    ? byCharacters
    : await writerOf(tokenizer);
  const hasText = hasPrompts(settings) || prefixTokens !== undefined ||
    prefixes !== undefined;
  const makerFor = sessionMaker(settings, writer);
  return {
    facts: {
      ...(count !== undefined && { items: count }),
      ...(hasText && { tokenCounter: writer.counter }),
    },
    isEndless: count === undefined,
    async *sessions({ seed, pass, signal }) {
      const make = makerFor(seed);
      const first = count === undefined || samePasses ? 0 : pass * count;
      for (let i = 0; i < (count ?? Infinity) && !signal.aborted; i++) {
        const session = await make(first + i, signal);
        // What was given up is no problem of the data's.
        if (signal.aborted) return;
        yield session;
      }
    },
  };
}

async function writerOf(path: string): Promise<Writer> {
  try {
    return byTokenizer(await openTokenizer(path));
  } catch (cause) {
    throw new UsageError(messageOf(cause), { cause });
  }
}
