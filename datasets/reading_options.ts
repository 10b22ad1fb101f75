import { z } from "zod";

/** Which items are read, in which order. The same seed gives the same order. */
export interface OrderingOptions {
  /**
   * Whether each pass through the data has an order of its own, drawn from the run's seed.
   *
   * @default {false}
   */
  shuffle?: boolean;
  /** How many items to keep: the first ones, after shuffling. Every pass keeps the same. @default {all} */
  limit?: number;
}

/** How speech is read. */
export interface SpeechOptions extends OrderingOptions {
  /**
   * Cuts each clip to this length, in seconds. A clip that is cut loses its reference,
   * as nobody can tell which of its words are left.
   *
   * @default {whole clips}
   */
  maxSeconds?: number;
}

/** The schema of {@linkcode OrderingOptions}. */
export const orderingShape = {
  shuffle: z.boolean().default(false).describe(
    "Give each pass an order of its own, drawn from the run's seed",
  ),
  limit: z.int().positive().optional().describe(
    "How many items to keep, after shuffling; every pass keeps the same (default: all)",
  ),
};

/** The schema of {@linkcode SpeechOptions}. */
export const speechShape = {
  ...orderingShape,
  maxSeconds: z.number().positive().optional().describe(
    "Cut each clip to this many seconds; a clip that is cut loses its reference (default: whole clips)",
  ),
};
