import type { ServerOptions } from "./options.ts";

/** The numbers that an option takes. */
export interface Range {
  readonly min: number;
  /** None: any that a double counts exactly. */
  readonly max?: number;
  /** Whether it takes no fractions. */
  readonly whole?: boolean;
}

type NumericOption = {
  [Name in keyof ServerOptions]-?: Required<ServerOptions>[Name] extends number
    ? Name
    : never;
}[keyof ServerOptions];

const TIME: Range = { min: 0 };
const COUNT: Range = { min: 0, whole: true };
const FROM_ONE: Range = { min: 1, whole: true };

/** The range of every option that is a number, wherever it is set. */
export const RANGES: Readonly<Record<NumericOption, Range>> = {
  port: { min: 0, max: 65_535, whole: true },
  seed: { min: Number.MIN_SAFE_INTEGER, whole: true },
  maxNumSeqs: FROM_ONE,
  maxFrameBytes: FROM_ONE,
  healthStatus: { min: 200, max: 599, whole: true },
  logEntries: FROM_ONE,

  delayMs: TIME,
  jitterMs: TIME,
  tokenMs: TIME,
  tokenJitterMs: TIME,
  finalTokenMs: TIME,
  rightPadTokens: COUNT,
  promptTokens: COUNT,
  leftPadTokens: COUNT,
  segmentMs: { min: 25 },
  tokensPerDelta: FROM_ONE,
  acceptDelayMs: TIME,
  createdDelayMs: TIME,
  pingIntervalMs: TIME,
  pongTimeoutMs: TIME,

  ttftMs: TIME,
  ttftJitterMs: TIME,
  prefillMsPerToken: TIME,
  itlMs: TIME,
  itlJitterMs: TIME,
  outputTokens: COUNT,
  outputTokensJitter: COUNT,
  tokensPerEvent: FROM_ONE,
  emptyEvery: COUNT,
  eventsPerWrite: FROM_ONE,
  keepAliveMs: TIME,
  reasoningTokens: COUNT,
  toolCalls: { min: 0, max: 128, whole: true },
  cachedTokens: COUNT,
  imageTokens: COUNT,
  videoTokens: COUNT,
  audioTokensPerSecond: { min: 0 },
  maxConcurrentRequests: COUNT,
  failAfterRequests: COUNT,
  dimensions: { min: 1, max: 65_536, whole: true },
  rtfx: { min: 0 },
  clipMs: { min: 100 },

  maxModelLen: { min: 1, max: 1_048_576, whole: true },
  wordErrorRate: { min: 0, max: 1 },
  wordsPerSecond: { min: 0 },
};

/** What a number must be, where this one is not: `a whole number from 0 to 128`. */
export function rangeProblem(value: number, range: Range): string | undefined {
  const { min, max = Number.MAX_SAFE_INTEGER, whole = false } = range;
  const isIn = value >= min && value <= max;
  if (isIn && (!whole || Number.isInteger(value))) return undefined;
  const number = whole ? "a whole number" : "a number";
  if (range.max !== undefined) return `${number} from ${min} to ${max}`;
  return min === Number.MIN_SAFE_INTEGER
    ? number
    : `${number} of at least ${min}`;
}
