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
 * longer. After a level at which no request succeeded the highest one that was kept is tried again: if nothing succeeds
 * there either, the server no longer answers, and the search ends. In the end both levels are repeated once. If one
 * contradicts its first result, the interval is searched once more with the new result.
 */
export class Bracket {
  readonly #options: BracketOptions;
  /** The last outcome of each level. */
  readonly #outcomes = new Map<number, LevelOutcome>();
  readonly #repeated = new Set<number>();
  /** How often each level was not decided. */
  readonly #undecided = new Map<number, number>();
  #tried = 0;
  /** Level at which nothing succeeded: whether the server still answers is not known. */
  #failed: number | undefined;
  #isDead = false;
  /** Ends of the interval whose repetition decided nothing. */
  readonly #unconfirmed = new Set<number>();
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

  /** Whether the server does not answer any more. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /** The ends of the interval whose repetition decided nothing. */
  get unconfirmed(): number[] {
    return [this.low, this.high].flatMap((level) =>
      level !== undefined && this.#unconfirmed.has(level) ? [level] : []
    );
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
    const failed = this.#failed;
    this.#failed = undefined;
    if (outcome === "failed") {
      // A server that fails at a lower level too no longer answers, or never did.
      if (failed !== undefined || this.low === undefined) this.#isDead = true;
      this.#failed = level;
      return;
    }
    if (failed !== undefined) {
      // It still answers, so that the level was more than it takes.
      if (failed !== level) {
        this.#set(failed, "fail", this.#outcomes.get(failed));
      }
      return this.#set(level, outcome, before);
    }
    if (outcome === "undecided") {
      this.#undecided.set(level, this.timesUndecided(level) + 1);
    }
    this.#again = outcome === "client-limited" && before === undefined
      ? level
      : undefined;
    this.#set(level, outcome, before);
  }

  #set(
    level: number,
    outcome: LevelOutcome,
    before: LevelOutcome | undefined,
  ): void {
    if (before !== "pass" && before !== "fail") {
      this.#outcomes.set(level, outcome);
      return;
    }
    this.#repeated.add(level);
    // A repetition that decides nothing leaves the first result as it is.
    if (outcome !== "pass" && outcome !== "fail") {
      this.#unconfirmed.add(level);
      return;
    }
    this.#unconfirmed.delete(level);
    if (outcome === before) return;
    this.#outcomes.set(level, outcome);
    this.#contradictions++;
    this.#repeated.clear();
  }

  /** Returns the next level to try; `undefined` when the search has ended. */
  next(): number | undefined {
    if (this.isSpent || this.isContradictory || this.#isDead) return undefined;
    if (this.#failed !== undefined) return this.low;
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

  /** The lowest undecided level that could narrow the interval. */
  #toRetry(): number | undefined {
    const { low = 0, high = Infinity } = this;
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
