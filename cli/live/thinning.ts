import type { Sample } from "../../plugins/mod.ts";

/** Requests a second that are all taken. */
const MAX_PER_SECOND = 200;
/** Requests that are taken between two adaptations, a fraction of a second, and failures. */
const MAX_BETWEEN = 100;

/**
 * Chooses requests for a live page where it cannot take all: of more than 200 a second about 200, evenly by their ids,
 * in addition whatever is slower than all before it, and failures. The rate is that before the last adaptation.
 */
export class Thinning {
  /** Number of requests that were taken. */
  taken = 0;
  /** Number of all requests. */
  all = 0;
  #share = 1;
  #longestMs = 0;
  /** Numbers that may still be taken before the next adaptation: the rate may have grown. */
  #left = { ok: MAX_BETWEEN, failed: MAX_BETWEEN };
  #last = { atMs: 0, all: 0 };

  /** Whether to take a request. */
  takes(sample: Sample): boolean {
    this.all++;
    const isTaken = this.#isSlowest(sample) || this.#isChosen(sample);
    if (isTaken) this.taken++;
    return isTaken;
  }

  /** Adapts the share that is taken to the rate until now. */
  adapt(atMs: number): void {
    const perSecond = 1000 * (this.all - this.#last.all) /
      (atMs - this.#last.atMs);
    if (perSecond >= 0) this.#share = Math.min(1, MAX_PER_SECOND / perSecond);
    this.#last = { atMs, all: this.all };
    this.#left = { ok: MAX_BETWEEN, failed: MAX_BETWEEN };
  }

  #isSlowest({ dispatchedMs, endedMs }: Sample): boolean {
    const latencyMs = endedMs - dispatchedMs;
    if (!(latencyMs > this.#longestMs)) return false;
    this.#longestMs = latencyMs;
    return true;
  }

  #isChosen({ id, outcome: { status } }: Sample): boolean {
    if (status !== "ok") return this.#left.failed-- > 0;
    return placeOf(id) < this.#share && this.#left.ok-- > 0;
  }
}

/** A number from 0 to 1 for each id: neighbouring ids are far apart, and any number of them is spread evenly. */
function placeOf(id: number): number {
  return (id * 0.618034) % 1;
}
