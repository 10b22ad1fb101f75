import { onAbort } from "../lib/abort.ts";
import { bag } from "../lib/unordered.ts";
import type { Clock } from "./clock.ts";
import type { Backend, Dataset } from "./contract.ts";
import { messageOf } from "./errors.ts";
import type { Session } from "./request.ts";
import { isInShard, type Shard, WHOLE } from "./shard.ts";

/** A session whose turns are ready for the wire. */
export interface ReadySession {
  /** The session. */
  readonly session: Session;
  /** Result of `prepare` for each turn. */
  readonly prepared: readonly unknown[];
}

/** Sessions in the order of the data, prepared ahead of time in a bounded queue. */
export interface Source {
  /** Returns the next session; `undefined` when the data has ended. Rejects if the data cannot be read. */
  next(): Promise<ReadySession | undefined>;
  /** Resolves when `count` sessions are ready, or as many as the data and the limits allow. */
  filled(count: number): Promise<void>;
  /** Sets the number of sessions to keep ready. */
  keepAhead(count: number): void;
  /** Stops reading and preparing. Waits at most {@linkcode CLOSE_LIMIT_MS} for them to end. */
  close(): Promise<void>;
}

/** Options of {@linkcode openSource}. */
export interface SourceOptions {
  /** Dataset to read. */
  readonly dataset: Dataset;
  /** Backend that prepares the sessions. */
  readonly backend: Backend;
  /** Sessions to take. @default {WHOLE} */
  readonly shard?: Shard;
  /** Seed of the order. */
  readonly seed: number;
  /** Whether the data is read again when it ends. */
  readonly loop: boolean;
  /** Called for each item that cannot be used, in the order of the data. Throws to end the run. */
  readonly onSkip: (id: string, reason: string) => void;
  /** Aborts when the run is interrupted. */
  readonly signal: AbortSignal;
  /** Source of time. */
  readonly clock: Clock;
  /** Called with what did not stop in time when the source was closed. */
  readonly onLate: (what: string) => void;
}

/** How long reading and preparing may take to stop, in milliseconds. */
export const CLOSE_LIMIT_MS = 5000;

/** An item that cannot be used. */
interface UnusableItem {
  readonly id: string;
  readonly reason: string;
}

/** A session that is being prepared or is ready. */
interface Queued {
  readonly item: Promise<ReadySession | UnusableItem>;
  /** Length of its audio, in milliseconds, as far as it is known. */
  readonly audioMs: number;
}

/** Limit of audio in the queue: beyond it no session is read, however many should be ready. */
const MAX_AUDIO_MS = 3_600_000;

/** Starts to read and prepare sessions. */
export function openSource(
  {
    dataset,
    backend,
    shard = WHOLE,
    seed,
    loop,
    onSkip,
    onLate,
    clock,
    ...run
  }: SourceOptions,
): Source {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, run.signal]);
  signal.addEventListener("abort", wake, { once: true });
  const queue: Queued[] = [];
  const pending = bag<Promise<ReadySession | UnusableItem>>();
  let ahead = 1;
  let audioMs = 0;
  /** Position of the next session, over all passes. */
  let position = 0;
  let taken = 0, usable = 0;
  let ended = false;
  let changed = Promise.withResolvers<void>();
  const reading = read();

  function wake(): void {
    changed.resolve();
    changed = Promise.withResolvers();
  }

  function put(
    item: Promise<ReadySession | UnusableItem>,
    session?: Session,
  ): void {
    const settle = pending.add(item);
    item.then(settle, settle); // next() handles a failure
    const queued = { item, audioMs: session ? audioOf(session) : 0 };
    queue.push(queued);
    audioMs += queued.audioMs;
    wake();
  }

  function isFull(): boolean {
    return queue.length >= ahead || audioMs >= MAX_AUDIO_MS;
  }

  async function read(): Promise<void> {
    try {
      for (let pass = 0; !signal.aborted; pass++) {
        const first = position;
        for await (const session of dataset.sessions({ seed, pass, signal })) {
          while (isFull() && !signal.aborted) await changed.promise;
          if (signal.aborted) break;
          if (!isInShard(position++, shard)) continue;
          taken++;
          put(prepared(session), session);
        }
        // A session that was taken while it is being prepared is no longer in the queue.
        while (usable === 0 && pending.size > 0 && !signal.aborted) {
          await Promise.race([...pending, changed.promise]);
        }
        // A shard may have no session in a pass that is shorter than the number of shards.
        if (!loop || position === first || (taken > 0 && usable === 0)) break;
      }
    } catch (error) {
      if (!signal.aborted) put(Promise.reject(error));
    } finally {
      ended = true;
      wake();
    }
  }

  /** Resolves with `undefined` if the signal aborts first, as a backend may ignore it while it prepares. */
  function unlessAborted<T>(item: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const forget = onAbort(signal, () => resolve(undefined));
      item.then(resolve, reject).finally(forget);
    });
  }

  async function close(): Promise<void> {
    stop.abort();
    let what = "the dataset";
    const stopped = (async () => {
      await reading;
      what = "the backend";
      await Promise.allSettled(queue.map(({ item }) => item));
      return true;
    })();
    const limit = Promise.withResolvers<false>();
    const cancel = clock.at(
      clock.now() + CLOSE_LIMIT_MS,
      () => limit.resolve(false),
    );
    if (!await Promise.race([stopped, limit.promise])) onLate(what);
    cancel();
  }

  let closing: Promise<void> | undefined;

  async function prepared(
    session: Session,
  ): Promise<ReadySession | UnusableItem> {
    const { id } = session;
    const reason = session.problem ?? missingColumn(session, backend.needs);
    if (reason !== undefined) return { id, reason };
    try {
      const turns = await Promise.all(
        session.turns.map((turn) => backend.prepare?.(turn, signal)),
      );
      usable++;
      return { session, prepared: turns };
    } catch (error) {
      return { id, reason: messageOf(error) };
    }
  }

  return {
    async next() {
      while (!signal.aborted) {
        while (queue.length === 0 && !ended && !signal.aborted) {
          await changed.promise;
        }
        const head = queue.shift();
        if (head === undefined) return undefined;
        audioMs -= head.audioMs;
        wake();
        const item = await unlessAborted(head.item);
        if (item === undefined) return undefined;
        if (!("reason" in item)) return item;
        if (!signal.aborted) onSkip(item.id, item.reason);
      }
      return undefined;
    },
    keepAhead(count) {
      ahead = Math.max(1, count);
      wake();
    },
    async filled(count) {
      while (
        queue.length < count && !isFull() && !ended && !signal.aborted
      ) {
        await changed.promise;
      }
      await Promise.allSettled(queue.slice(0, count).map(({ item }) => item));
    },
    close: () => closing ??= close(),
  };
}

/** Length of the audio in a session, in milliseconds; 0 where it is not known yet. */
function audioOf({ turns }: Session): number {
  return turns.reduce(
    (sum, { columns }) => sum + (columns.audio?.durationMs || 0),
    0,
  );
}

/** Why the backend cannot use a session, judged by its columns. */
function missingColumn(
  { turns }: Session,
  needs: Backend["needs"],
): string | undefined {
  if (turns.length === 0) return "no turns";
  for (const { columns } of turns) {
    const missing = needs.find((need) =>
      [need].flat().every((column) => columns[column] === undefined)
    );
    if (missing === undefined) continue;
    const wanted = [missing].flat().map((column) => `"${column}"`).join(
      " or ",
    );
    const there = Object.keys(columns).filter((key) =>
      columns[key] !== undefined
    );
    return `no column ${wanted}, which the backend needs; there are: ${
      there.join(", ") || "none"
    }`;
  }
  return undefined;
}
