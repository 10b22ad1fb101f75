import { addTo } from "../../lib/record.ts";
import { Bins } from "./bins.ts";

/** Largest number of batches that are kept. */
export const MAX_BATCHES = 64;

/**
 * Sums over batches of consecutive requests, or over slices of time. Neighbouring requests are correlated, as they meet
 * the same queue; batches of many are much less so, and their spread shows the uncertainty of a figure (Law and Kelton,
 * 1991: method of batch means).
 *
 * A batch holds the requests whose ids agree in all but their lowest bits: as few of these as make at most
 * {@linkcode MAX_BATCHES} batches. The sums depend on which requests were added, not on their order. A row is a
 * quantity that is summed, such as `violations` and `values`.
 */
export class Batches<Row extends string = string> {
  readonly #bins: Bins<Partial<Record<Row, number>>>;

  /** @param from Start of the range, if it is known. @default The lowest id */
  constructor({ from }: { readonly from?: number } = {}) {
    this.#bins = new Bins({
      max: MAX_BATCHES,
      ...(from !== undefined && { from }),
      create: () => ({}),
      merge: addTo,
    });
  }

  /** Adds to a row what one request contributes. Request ids are whole numbers from 0 on. */
  add(id: number, row: Row, amount = 1): void {
    const sums = this.#bins.at(id);
    sums[row] = (sums[row] ?? 0) + amount;
  }

  /** Adds the sums of other requests. */
  merge(other: Batches<Row>): void {
    this.#bins.merge(other.#bins);
  }

  /** Number of ids in each batch. */
  get width(): number {
    return this.#bins.width;
  }

  /** The sums of a row, batch by batch in the order of the ids. A batch without requests is 0. */
  sums(row: Row): number[] {
    return Array.from(this.#bins.entries(), ([, sums]) => sums?.[row] ?? 0);
  }
}
