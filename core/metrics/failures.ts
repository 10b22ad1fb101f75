import { isClientMade } from "../failures.ts";
import type { FailureNote } from "../report.ts";
import type { Failure, Sample } from "../sample.ts";

/** Kinds of failure that a report lists. */
const MAX_LISTED = 10;
/** Kinds of failure that are counted apart: a server may give each of its errors a code of its own. */
const MAX_KINDS = 1000;

interface Kind extends FailureNote {
  /** Lowest id of its requests: the message is that request's. */
  readonly id: number;
}

/** Counts failures by class and code, each with the message of its lowest request id. */
export class FailureCounts {
  readonly #kinds = new Map<string, Kind>();

  /** Adds the failure of a sample. */
  add({ id }: Pick<Sample, "id">, failure: Failure): void {
    const { class: failureClass, code, message } = failure;
    this.#add({
      class: failureClass,
      ...(code !== undefined && { code }),
      message,
      count: 1,
      id,
    });
  }

  /** Adds all failures of another count. */
  merge(other: FailureCounts): void {
    for (const kind of other.#kinds.values()) this.#add(kind);
  }

  /** How many there are of each class. */
  byClass(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { class: name, count } of this.#sorted()) {
      counts[name] = (counts[name] ?? 0) + count;
    }
    return counts;
  }

  /** The most frequent kinds. Failures that this client made are never left out: the verdict depends on them. */
  listed(): FailureNote[] {
    const kinds = this.#sorted();
    const own = kinds.filter(isClientMade);
    const others = kinds.filter((kind) => !isClientMade(kind));
    return [...own, ...others].slice(0, MAX_LISTED).sort(byCount).map((
      { id: _, ...note },
    ) => note);
  }

  #sorted(): Kind[] {
    return [...this.#kinds.values()].sort(byCount);
  }

  /** Counts by class and code; where there are too many codes, by class alone. */
  #add(kind: Kind): void {
    const isFull = this.#kinds.size >= MAX_KINDS &&
      !this.#kinds.has(keyOf(kind));
    const { code: _, ...withoutCode } = kind;
    const kept = isFull && !isClientMade(kind) ? withoutCode : kind;
    const known = this.#kinds.get(keyOf(kept));
    const first = known && known.id <= kept.id ? known : kept;
    const count = (known?.count ?? 0) + kept.count;
    this.#kinds.set(keyOf(kept), { ...first, count });
  }
}

function keyOf({ class: failureClass, code }: FailureNote): string {
  return `${failureClass}\n${code ?? ""}`;
}

function byCount(a: Kind, b: Kind): number {
  return b.count - a.count || a.id - b.id;
}
