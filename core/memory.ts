import { bag } from "../lib/unordered.ts";
import { RequestError } from "./errors.ts";
import type { Delta, Sample } from "./sample.ts";

/**
 * Memory for what requests in flight have received: a server without an end must not take all there is. It counts an
 * estimate, as the engine can count nothing else at this price: the recorded output and what backends say they hold
 * back.
 */
export interface MemoryBudget {
  /** Opens the share of one request. `fail` is called once, when the request has to be given up. */
  open(fail: (error: RequestError) => void): MemoryShare;
}

/** What one request takes of a budget. */
export interface MemoryShare {
  /** Takes more, or gives some back. */
  add(bytes: number): void;
  /** Gives everything back. */
  close(): void;
}

/** Sizes of a budget, in bytes. */
export interface MemoryLimits {
  /** What one request may hold. */
  readonly requestBytes: number;
  /** What all of them together may hold. */
  readonly totalBytes: number;
}

/**
 * What the requests of this process may hold. An answer of 100,000 tokens takes some 7 MiB, so that one request has
 * room for 1,300,000; all together have room for 1,024 answers of 5,000 tokens that come at the same time.
 */
const LIMITS: MemoryLimits = {
  requestBytes: 96 * 1024 * 1024,
  totalBytes: 384 * 1024 * 1024,
};

/** Makes a budget. */
export function memoryBudget(limits: MemoryLimits): MemoryBudget {
  return new Budget(limits);
}

class Budget implements MemoryBudget {
  readonly limits: MemoryLimits;
  readonly shares = bag<Share>();
  bytes = 0;

  constructor(limits: MemoryLimits) {
    this.limits = limits;
  }

  open(fail: (error: RequestError) => void): MemoryShare {
    return new Share(this, fail);
  }

  /** Gives requests up until the rest fit: the largest first, as that costs the fewest answers. */
  relieve(): void {
    while (this.bytes > this.limits.totalBytes) {
      let largest: Share | undefined;
      for (const share of this.shares) {
        if (share.bytes > (largest?.bytes ?? 0)) largest = share;
      }
      if (!largest) return;
      largest.giveUp(beyondTotal(largest.bytes, this.limits.totalBytes));
    }
  }
}

class Share implements MemoryShare {
  readonly #budget: Budget;
  readonly #fail: (error: RequestError) => void;
  readonly #leave: () => void;
  #isOpen = true;
  bytes = 0;

  constructor(budget: Budget, fail: (error: RequestError) => void) {
    this.#budget = budget;
    this.#fail = fail;
    this.#leave = budget.shares.add(this);
  }

  add(bytes: number): void {
    if (!this.#isOpen) return;
    this.bytes += bytes;
    this.#budget.bytes += bytes;
    const { requestBytes, totalBytes } = this.#budget.limits;
    if (this.bytes > requestBytes) this.giveUp(beyondRequest(requestBytes));
    else if (this.#budget.bytes > totalBytes) this.#budget.relieve();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#budget.bytes -= this.bytes;
    this.#leave();
  }

  giveUp(error: RequestError): void {
    this.close();
    this.#fail(error);
  }
}

/** The budget of this process. */
export const processMemory: MemoryBudget = memoryBudget(LIMITS);

/** A piece of output that is recorded, beside its text: its time and length, and what its event leaves behind. */
const DELTA_BYTES = 64;

/** What a recorded piece of output takes. */
export function deltaBytes({ text = "" }: Delta): number {
  return DELTA_BYTES + 2 * text.length;
}

/** A piece of output in an ended sample: an object of its own. */
const SAMPLE_DELTA_BYTES = 128;

/** What an ended sample takes, roughly. */
export function sampleBytes({ deltas, audioSent }: Sample): number {
  let bytes = 1024 + 100 * audioSent.length;
  for (const { text = "" } of deltas) {
    bytes += SAMPLE_DELTA_BYTES + 2 * text.length;
  }
  return bytes;
}

function beyondRequest(limitBytes: number): RequestError {
  return new RequestError(
    "too_large",
    `The response is larger than one request may hold in memory: more than ${
      mebibytes(limitBytes)
    }`,
  );
}

function beyondTotal(bytes: number, limitBytes: number): RequestError {
  return new RequestError(
    "too_large",
    `All requests in flight together hold more than this client keeps in memory, ${
      mebibytes(limitBytes)
    }: this one held the most, ${mebibytes(bytes)}`,
    { code: "client_memory" },
  );
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
