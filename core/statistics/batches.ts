/** Largest number of batches that are kept. */
const MAX_BATCHES = 64;

/**
 * Sums over batches of consecutive requests. Neighbouring requests are correlated, as they meet the same queue; batches
 * of many are much less so, and their spread shows the uncertainty of a figure (Law and Kelton, method of batch means).
 *
 * A batch holds the requests whose ids agree in all but their `k` lowest bits. `k` grows with the range of the ids, so
 * that there are at most 64 batches, and from 32 on once there are 64 requests. The sums depend on which requests were
 * added, not on their order. A row is a quantity that is summed: `violations`, or a bucket of a histogram.
 */
export class Batches<Row extends string | number = string> {
  /** Sums of each row, by the batch's number modulo {@linkcode MAX_BATCHES}. */
  readonly #rows = new Map<Row, Float64Array>();
  /** Requests per batch: 2ᵏ. */
  #width = 1;
  #firstId = Infinity;
  #lastId = -Infinity;

  /** Adds to a row the amount that one request contributes. Request ids are whole numbers from 0 on. */
  add(id: number, row: Row, amount = 1): void {
    if (id < this.#firstId || id > this.#lastId) this.#cover(id, id);
    let sums = this.#rows.get(row);
    if (!sums) this.#rows.set(row, sums = new Float64Array(MAX_BATCHES));
    sums[Math.floor(id / this.#width) % MAX_BATCHES]! += amount;
  }

  /** Adds the sums of other requests. */
  merge(other: Batches<Row>): void {
    if (other.#lastId < 0) return;
    this.#cover(other.#firstId, other.#lastId);
    const first = Math.floor(other.#firstId / other.#width);
    for (const [row, from] of other.#rows) {
      let sums = this.#rows.get(row);
      if (!sums) this.#rows.set(row, sums = new Float64Array(MAX_BATCHES));
      for (let i = 0; i < MAX_BATCHES; i++) {
        const id = (first + i) * other.#width;
        sums[Math.floor(id / this.#width) % MAX_BATCHES]! +=
          from[(first + i) % MAX_BATCHES]!;
      }
    }
  }

  /** Number of consecutive ids in a batch: 2ᵏ. */
  get width(): number {
    return this.#width;
  }

  /** Names of the rows, in no order. */
  rows(): Iterable<Row> {
    return this.#rows.keys();
  }

  /** The sums of a row, batch by batch in the order of the ids. A batch without requests is 0. */
  sums(row: Row): number[] {
    if (this.#lastId < 0) return [];
    const sums = this.#rows.get(row);
    const first = Math.floor(this.#firstId / this.#width);
    const last = Math.floor(this.#lastId / this.#width);
    return Array.from(
      { length: last - first + 1 },
      (_, i) => sums?.[(first + i) % MAX_BATCHES] ?? 0,
    );
  }

  /** Doubles the width until the ids of all batches fit. */
  #cover(firstId: number, lastId: number): void {
    const first = Math.min(this.#firstId, firstId);
    const last = Math.max(this.#lastId, lastId);
    const count = () =>
      Math.floor(last / this.#width) - Math.floor(first / this.#width) + 1;
    while (count() > MAX_BATCHES) this.#double();
    this.#firstId = first;
    this.#lastId = last;
  }

  #double(): void {
    const first = Math.floor(this.#firstId / this.#width);
    for (const [row, sums] of this.#rows) {
      const doubled = new Float64Array(MAX_BATCHES);
      for (let i = 0; i < MAX_BATCHES; i++) {
        doubled[Math.floor((first + i) / 2) % MAX_BATCHES]! +=
          sums[(first + i) % MAX_BATCHES]!;
      }
      this.#rows.set(row, doubled);
    }
    this.#width *= 2;
  }
}
