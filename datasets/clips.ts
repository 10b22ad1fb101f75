import { z } from "zod";
import {
  type AudioSource,
  bytesSource,
  type Decoders,
  openDecoders,
} from "../audio/mod.ts";
import { type BundledClip, bundledClips, readClip } from "../clips/mod.ts";
import { ByteCache } from "../lib/bytes.ts";
import {
  type Columns,
  type DatasetPlugin,
  defineDataset,
} from "../plugins/mod.ts";
import { type OrderingOptions, orderingShape } from "./order.ts";
import { isCut, orderedSessions, speechSession } from "./speech.ts";

/** Options of {@linkcode clips}. */
export interface ClipsOptions extends OrderingOptions {
  /**
   * Cuts each clip to this length, in seconds, and its reference to the words that end before it.
   *
   * @default {whole clips}
   */
  maxSeconds?: number;
}

/**
 * The speech that comes with earshot: a few utterances by several voices, with exact references. Needs no files.
 *
 * @example Usage
 * ```ts
 * import { clips } from "@earshot/earshot";
 *
 * const dataset = clips({ shuffle: true });
 * ```
 */
export const clips: DatasetPlugin<ClipsOptions> = defineDataset({
  name: "clips",
  summary: "The bundled speech with its exact words; needs no files",
  options: z.strictObject({
    ...orderingShape,
    maxSeconds: z.number().positive().optional().describe(
      "Cut each clip to this many seconds, and its reference to the words that end before it (default: whole clips)",
    ),
  }),
  open({ shuffle, limit, maxSeconds }) {
    const count = bundledClips.length;
    const decoders = openDecoders();
    const sources = bundledClips.map(sourceOf);
    return {
      facts: { items: Math.min(count, limit ?? Infinity), shuffle },
      sessions: orderedSessions(count, { shuffle, limit }, (i) => {
        const clip = bundledClips[i]!;
        const columns = () =>
          columnsOf(clip, decoders, sources[i]!, maxSeconds);
        return speechSession(clip.id, columns);
      }),
      [Symbol.asyncDispose]: () => decoders[Symbol.asyncDispose](),
    };
  },
});

/** Reads the clip's file at most once: it may come over the network, as earshot itself did. */
function sourceOf(clip: BundledClip): AudioSource {
  const read = new ByteCache<AudioSource>(1, () => 1);
  return {
    id: clip.id,
    name: clip.file,
    async open() {
      const source = await read.get(
        clip.id,
        async () => bytesSource(await readClip(clip), clip.file),
      );
      return source.open();
    },
  };
}

async function columnsOf(
  clip: BundledClip,
  decoders: Decoders,
  source: AudioSource,
  maxSeconds: number | undefined,
): Promise<Columns> {
  if (!isCut(clip.durationMs, maxSeconds)) {
    return { audio: await decoders.clip(source), reference: clip.transcript };
  }
  const words = clip.words.filter(({ endMs }) => endMs <= maxSeconds * 1000);
  return {
    audio: await decoders.clip(source, { maxSeconds }),
    reference: words.map(({ text }) => text).join(" "),
  };
}
