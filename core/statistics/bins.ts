/** Settings of {@linkcode Bins}. */
export interface BinsOptions<T> {
  /** Largest number of bins. */
  readonly max: number;
  /** Width that bins have at first. @default {1} */
  readonly width?: number;
  /** A position that belongs to the range from the beginning. @default The lowest position */
  readonly from?: number;
  /** Makes an empty bin. */
  create(): T;
  /** Adds what is in one bin to another. */
  merge(into: T, from: T): void;
}

/**
 * Bins of equal width over a range that grows: of request ids, or of time. Whenever there would be more bins than
 * allowed, the width doubles and neighbours are merged. Width and bins depend on the range alone, not on the order in
 * which it grew, so that bins of parts can be merged. Positions are numbers from 0 on.
 */
export class Bins<T> {
  readonly #options: BinsOptions<T>;
  /** The bins, each at its number modulo `max`. */
  #bins: (T | undefined)[] = [];
  #width: number;
  #first: number;
  #last: number;
  /** The bin that was used last, with its range: neighbours in time often use the same. */
  #recent: T | undefined;
  #recentFrom = 0;
  #recentTo = 0;

  constructor(options: BinsOptions<T>) {
    this.#options = options;
    this.#width = options.width ?? 1;
    this.#first = options.from ?? Infinity;
    this.#last = options.from ?? -Infinity;
  }

  /** Width of each bin. */
  get width(): number {
    return this.#width;
  }

  /** The bin of a position. */
  at(position: number): T {
    if (position >= this.#recentFrom && position < this.#recentTo) {
      this.#first = Math.min(this.#first, position);
      this.#last = Math.max(this.#last, position);
      return this.#recent!;
    }
    if (!(position >= this.#first && position <= this.#last)) {
      this.#cover(position, position);
    }
    const number = Math.floor(position / this.#width);
    const slot = number % this.#options.max;
    this.#recent = this.#bins[slot] ??= this.#options.create();
    this.#recentFrom = number * this.#width;
    this.#recentTo = this.#recentFrom + this.#width;
    return this.#recent;
  }

  /** Adds the bins of other positions. */
  merge(other: Bins<T>): void {
    if (other.#last < other.#first) return;
    this.#cover(other.#first, other.#last);
    for (const [position, bin] of other.entries()) {
      if (bin) this.#options.merge(this.at(position), bin);
    }
  }

  /** Every bin from the first to the last, each with a position in it. A bin that nothing was added to is absent. */
  *entries(): Iterable<[position: number, bin: T | undefined]> {
    const { max } = this.#options;
    const last = Math.floor(this.#last / this.#width);
    for (let i = Math.floor(this.#first / this.#width); i <= last; i++) {
      const position = Math.max(i * this.#width, this.#first);
      yield [position, this.#bins[i % max]];
    }
  }

  #cover(first: number, last: number): void {
    if (!(first >= 0 && last < Infinity)) {
      throw new RangeError(`position must be 0 or more, but was ${first}`);
    }
    const from = Math.min(this.#first, first);
    const to = Math.max(this.#last, last);
    const numberOf = (position: number) => Math.floor(position / this.#width);
    while (numberOf(to) - numberOf(from) >= this.#options.max) this.#double();
    this.#first = from;
    this.#last = to;
  }

  #double(): void {
    const { max, merge } = this.#options;
    const doubled: (T | undefined)[] = [];
    for (const [position, bin] of this.entries()) {
      if (!bin) continue;
      const slot = Math.floor(position / (2 * this.#width)) % max;
      const into = doubled[slot];
      if (into) merge(into, bin);
      else doubled[slot] = bin;
    }
    this.#bins = doubled;
    this.#width *= 2;
    this.#recentTo = 0;
  }
}
