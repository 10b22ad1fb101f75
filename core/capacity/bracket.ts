import type { CapacityLevel } from "../run_results.ts";

/** Whether a level was kept, missed, or neither could be said. */
export type LevelOutcome = CapacityLevel["outcome"];

/** Options of a {@linkcode Bracket}. */
export interface BracketOptions {
  /** First level, above 0. */
  readonly from: number;
  /** Highest level. */
  readonly max: number;
  /** Whether levels are whole numbers, as numbers of streams are. */
  readonly isWhole: boolean;
  /** Width at which the interval is narrow enough: 0.1 ends at high ÷ low ≤ 1.1. */
  readonly tolerance: number;
}

/** Number of levels that are tried at most, repetitions included. */
export const MAX_LEVELS = 16;

/** How often a level that was not decided is tried again. */
const MAX_RETRIES = 1;

/**
 * Chooses the levels of a search. Levels double until one is missed; then the interval between the highest level that
 * was kept and the lowest that was missed is cut in half on a logarithmic scale, until it is narrow. A level that was
 * not decided, or was limited by the client, moves neither end: both sides of it are searched, and nothing above a level
 * that was limited by the client, twice as it is tried again at once. Then undecided levels are tried once more, for
 * longer. In the end both levels are repeated once. If one contradicts its first result, the
 * interval is searched once more with the new result.
 */
export class Bracket {
  readonly #options: BracketOptions;
  /** The last outcome of each level. */
  readonly #outcomes = new Map<number, LevelOutcome>();
  readonly #repeated = new Set<number>();
  /** How often each level was not decided. */
  readonly #undecided = new Map<number, number>();
  #tried = 0;
  /** Level to try again, as the client was its limit for the first time. */
  #again: number | undefined;
  #contradictions = 0;

  constructor(options: BracketOptions) {
    this.#options = options;
  }

  /** Lowest level that was missed. */
  get high(): number | undefined {
    return lowest(this.#levels("fail"));
  }

  /** Highest level that was kept, below every level that was missed. */
  get low(): number | undefined {
    const { high = Infinity } = this;
    return highest(this.#levels("pass").filter((level) => level < high));
  }

  /** Whether repeated levels contradicted their first results twice. */
  get isContradictory(): boolean {
    return this.#contradictions > 1;
  }

  /** How often a level was not decided: the next time needs to be longer. */
  timesUndecided(level: number): number {
    return this.#undecided.get(level) ?? 0;
  }

  /** Whether every level that the search allows was tried. */
  get isSpent(): boolean {
    return this.#tried >= MAX_LEVELS;
  }

  /** Records how a level ended. */
  record(level: number, outcome: LevelOutcome): void {
    const before = this.#outcomes.get(level);
    this.#tried++;
    if (outcome === "undecided") {
      this.#undecided.set(level, this.timesUndecided(level) + 1);
    }
    this.#again = outcome === "client-limited" && before === undefined
      ? level
      : undefined;
    const isDecided = outcome === "pass" || outcome === "fail";
    if (before !== "pass" && before !== "fail") {
      this.#outcomes.set(level, outcome);
      return;
    }
    this.#repeated.add(level);
    // A repetition that decides nothing leaves the first result as it is.
    if (!isDecided || outcome === before) return;
    this.#outcomes.set(level, outcome);
    this.#contradictions++;
    this.#repeated.clear();
  }

  /** Returns the next level to try; `undefined` when the search has ended. */
  next(): number | undefined {
    if (this.isSpent || this.isContradictory) return undefined;
    return this.#again ?? this.#between() ?? this.#toRetry() ??
      this.#toRepeat();
  }

  /** The next level that narrows the interval. */
  #between(): number | undefined {
    const { from, max } = this.#options;
    const { low, high } = this;
    const limited = lowest(
      this.#levels("client-limited").filter((level) => level > (low ?? 0)),
    );
    const tried = highest([...this.#outcomes.keys()]);
    if (tried === undefined) return from;
    const ceiling = Math.min(high ?? Infinity, limited ?? Infinity);
    if (ceiling === Infinity) {
      return tried < max ? Math.min(max, this.#rounded(2 * tried)) : undefined;
    }
    // Without a level that was kept, the lowest one says that the server takes less than that.
    if (low === undefined) {
      const below = this.#levels("undecided").filter((each) => each < ceiling);
      return below.length > 0
        ? this.#middle(highest(below)!, ceiling)
        : undefined;
    }
    const undecided = this.#levels("undecided")
      .filter((level) => level > low && level < ceiling);
    const gaps = [[low, lowest(undecided) ?? ceiling]];
    if (undecided.length > 0 && high === ceiling) {
      gaps.push([highest(undecided)!, high]);
    }
    const widest = gaps.toSorted(([a, b], [c, d]) => d! / c! - b! / a!)[0]!;
    return this.#middle(widest[0]!, widest[1]!);
  }

  /** The lowest undecided level of an interval that is still wide. */
  #toRetry(): number | undefined {
    const { low, high } = this;
    if (low === undefined || high === undefined) return undefined;
    return lowest(
      this.#levels("undecided").filter((level) =>
        level > low && level < high && this.timesUndecided(level) <= MAX_RETRIES
      ),
    );
  }

  /** An end of the interval that was tried only once. */
  #toRepeat(): number | undefined {
    const { low, high } = this;
    if (low === undefined) return undefined;
    return [low, high].find((level) =>
      level !== undefined && !this.#repeated.has(level)
    );
  }

  /** The level in the middle of two, on a logarithmic scale; `undefined` if they are close enough. */
  #middle(low: number, high: number): number | undefined {
    const { tolerance, isWhole } = this.#options;
    if (high <= low * (1 + tolerance)) return undefined;
    if (isWhole && high - low <= 1) return undefined;
    const middle = this.#rounded(Math.sqrt(low * high));
    return middle > low && middle < high ? middle : undefined;
  }

  #rounded(level: number): number {
    return this.#options.isWhole
      ? Math.round(level)
      : Number(level.toPrecision(3));
  }

  #levels(outcome: LevelOutcome): number[] {
    return [...this.#outcomes].flatMap(([level, each]) =>
      each === outcome ? [level] : []
    );
  }
}

function lowest(levels: readonly number[]): number | undefined {
  return levels.length > 0 ? Math.min(...levels) : undefined;
}

function highest(levels: readonly number[]): number | undefined {
  return levels.length > 0 ? Math.max(...levels) : undefined;
}
