import { UnorderedList } from "../lib/unordered.ts";
import { RequestError } from "./errors.ts";
import type { Delta, Sample } from "./sample.ts";

/** Sizes of a budget, in bytes. */
export interface MemoryLimits {
  /** Limit of one request. */
  readonly requestBytes: number;
  /** Limit of all requests together. */
  readonly totalBytes: number;
}

/**
 * Memory for the responses in flight: an endless response must not use up the memory of the process. The numbers are
 * estimates, as exact ones would cost too much: the recorded output and the bytes that backends report as held.
 */
export class MemoryBudget {
  readonly #shares = new UnorderedList<MemoryShare>();
  /** Bytes of all shares. */
  bytes = 0;

  constructor(readonly limits: MemoryLimits) {}

  /** Opens the share of one request. `fail` is called once, if the request must be given up. */
  open(fail: (error: RequestError) => void): MemoryShare {
    return new MemoryShare(this, this.#shares, fail);
  }

  /** Gives up requests until the rest fit, the largest first, as that costs the fewest answers. */
  relieve(): void {
    while (this.bytes > this.limits.totalBytes) {
      let largest: MemoryShare | undefined;
      for (const share of this.#shares) {
        if (share.bytes > (largest?.bytes ?? 0)) largest = share;
      }
      if (!largest) return;
      largest.giveUp(
        new RequestError(
          "too_large",
          `All requests in flight together exceed the memory limit of this client, ${
            mebibytes(this.limits.totalBytes)
          }: this one was the largest, with ${mebibytes(largest.bytes)}`,
          { code: "client_memory" },
        ),
      );
    }
  }
}

/** Share of one request in a budget. */
export class MemoryShare {
  readonly #budget: MemoryBudget;
  readonly #fail: (error: RequestError) => void;
  readonly #leave: () => void;
  #isOpen = true;
  bytes = 0;

  constructor(
    budget: MemoryBudget,
    shares: UnorderedList<MemoryShare>,
    fail: (error: RequestError) => void,
  ) {
    this.#budget = budget;
    this.#fail = fail;
    this.#leave = shares.add(this);
  }

  /** Takes bytes, or gives them back if negative. */
  add(bytes: number): void {
    if (!this.#isOpen) return;
    this.bytes += bytes;
    this.#budget.bytes += bytes;
    const { requestBytes, totalBytes } = this.#budget.limits;
    if (this.bytes > requestBytes) {
      const limit = mebibytes(requestBytes);
      const message =
        `The response exceeds the memory limit of one request, ${limit}`;
      this.giveUp(new RequestError("too_large", message));
    } else if (this.#budget.bytes > totalBytes) this.#budget.relieve();
  }

  /** Gives all bytes back. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#budget.bytes -= this.bytes;
    this.#leave();
  }

  /** Gives all bytes back and fails the request. */
  giveUp(error: RequestError): void {
    this.close();
    this.#fail(error);
  }
}

/**
 * The budget of this process. An answer of 100,000 tokens takes about 7 MiB, so one request has room for 1,300,000
 * tokens, and all together have room for 1,024 answers of 5,000 tokens at the same time.
 */
export const processMemory: MemoryBudget = new MemoryBudget({
  requestBytes: 96 * 1024 * 1024,
  totalBytes: 384 * 1024 * 1024,
});

/** Size of a recorded delta without its text: time, length and what its event leaves behind. */
const DELTA_BYTES = 64;

/** Estimated size of a recorded delta. */
export function deltaBytes({ text = "" }: Delta): number {
  return DELTA_BYTES + 2 * text.length;
}

/** Size of a delta in an ended sample, where it is an object. */
const SAMPLE_DELTA_BYTES = 128;

/** Estimated size of an ended sample. */
export function sampleBytes({ deltas, audioSent }: Sample): number {
  let bytes = 1024 + 100 * audioSent.length;
  for (const { text = "" } of deltas) {
    bytes += SAMPLE_DELTA_BYTES + 2 * text.length;
  }
  return bytes;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
