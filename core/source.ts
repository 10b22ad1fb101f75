import { onAbort } from "../lib/abort.ts";
import { settlesWithin } from "../lib/disposal.ts";
import type { Clock } from "./clock.ts";
import type { Backend, Dataset } from "./contract.ts";
import { messageOf } from "./errors.ts";
import { RecordedTimes, type RecordedTraffic } from "./recorded_times.ts";
import type { Session } from "./request.ts";
import { isInShard, type Shard, WHOLE } from "./shard.ts";

/** A session whose turns are ready for the wire. */
export interface ReadySession {
  /** The session. */
  readonly session: Session;
  /** Result of `prepare` for each turn. */
  readonly prepared: readonly unknown[];
  /** Of recorded traffic that is replayed: when it starts, in milliseconds from the first session of the data. */
  readonly startMs?: number | undefined;
}

/** Options of a {@linkcode SessionSource}. */
export interface SourceOptions {
  /** Dataset to read. */
  readonly dataset: Dataset;
  /** Backend that prepares the sessions. */
  readonly backend: Backend;
  /** Sessions to take. @default {WHOLE} */
  readonly shard?: Shard;
  /** Position of the first session to take, counted over all passes and shards. @default {0} */
  readonly from?: number;
  /** Seed of the order. */
  readonly seed: number;
  /** Whether the data is read again when it ends. */
  readonly loop: boolean;
  /** Whether each session needs the time at which it was recorded. @default {false} */
  readonly isRecorded?: boolean;
  /** Called for each item that cannot be used, in the order of the data. Throws to end the run. */
  readonly onSkip: (id: string, reason: string) => void;
  /** Aborts when the run is interrupted. */
  readonly signal: AbortSignal;
  /** Source of time. */
  readonly clock: Clock;
  /** Called with the part that did not stop in time when the source was closed. */
  readonly onLate: (part: "backend" | "dataset") => void;
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
  /** Of recorded traffic that is replayed: when it starts. */
  readonly startMs?: number | undefined;
  /** The item once it is prepared. */
  ready?: ReadySession | UnusableItem;
  /** Position in the data, over all passes and shards. */
  readonly position: number;
  /** Length of its audio, in milliseconds, as far as it is known. */
  readonly audioMs: number;
}

/** Limit of audio in the queue: beyond it no session is read, however many should be ready. */
const MAX_AUDIO_MS = 3_600_000;

/** Sessions in the order of the data, prepared ahead of time in a bounded queue. */
export class SessionSource {
  readonly #options: SourceOptions;
  readonly #stop = new AbortController();
  /** Aborts when the source is closed or the run interrupted. */
  readonly #signal: AbortSignal;
  readonly #queue: Queued[] = [];
  /** Callers that wait for a session, in their order. Each is given one: thousands that all look again cost seconds. */
  readonly #takers: ((head: Queued | undefined) => void)[] = [];
  readonly #reading: Promise<void>;
  /** Resolves at the next change; absent while nobody waits for one. */
  #change: PromiseWithResolvers<void> | undefined;
  /** The recorded times, if sessions need them. They are read before sharding, so that all shards agree. */
  readonly #times: RecordedTimes | undefined;
  #returned: ReadySession | undefined;
  #position: number;
  #ahead = 1;
  /** Length of the audio in the queue. */
  #audioMs = 0;
  /** Sessions that are being prepared, those taken from the queue included. */
  #preparing = 0;
  #hasUsable = false;
  #ended = false;
  #closing: Promise<void> | undefined;

  /** Begins to read and prepare sessions. */
  constructor(options: SourceOptions) {
    this.#options = options;
    this.#position = options.from ?? 0;
    this.#times = options.isRecorded ? new RecordedTimes() : undefined;
    this.#signal = AbortSignal.any([this.#stop.signal, options.signal]);
    this.#signal.addEventListener("abort", () => this.#release(), {
      once: true,
    });
    this.#reading = this.#read();
  }

  /** Returns the next session; `undefined` when the data has ended. Rejects if the data cannot be read. */
  async next(): Promise<ReadySession | undefined> {
    const returned = this.#returned;
    this.#returned = undefined;
    if (returned) return returned;
    while (!this.#signal.aborted) {
      const head = this.#takeHead() ?? await this.#headPut();
      if (head === undefined) return undefined;
      this.#position = Math.max(this.#position, head.position + 1);
      const item = head.ready ?? await this.#unlessAborted(head.item);
      if (item === undefined) return undefined;
      if (!("reason" in item)) return item;
      if (!this.#signal.aborted) this.#options.onSkip(item.id, item.reason);
    }
    return undefined;
  }

  #takeHead(): Queued | undefined {
    const head = this.#queue.shift();
    if (head) {
      this.#audioMs -= head.audioMs;
      this.#wake();
    }
    return head;
  }

  /** Resolves with the next session that is put into the empty queue; with `undefined` if none will be. */
  async #headPut(): Promise<Queued | undefined> {
    if (this.#ended || this.#signal.aborted) return undefined;
    const head = Promise.withResolvers<Queued | undefined>();
    this.#takers.push(head.resolve);
    return await head.promise;
  }

  /** Position behind the last session that was taken, over all passes and shards. */
  get position(): number {
    return this.#position;
  }

  /** The recorded traffic, once all of it has been read. */
  get recorded(): RecordedTraffic | undefined {
    return this.#times?.recorded;
  }

  /** Number of the sessions in the queue that start before a recorded time, from the first session on. */
  countBefore(atMs: number): number {
    return [this.#returned, ...this.#queue].filter((session) =>
      session?.startMs !== undefined && session.startMs < atMs
    ).length;
  }

  /** Puts back a session that was taken: `next` returns it again. */
  putBack(session: ReadySession): void {
    this.#returned = session;
  }

  /** Sets the number of sessions to keep ready. */
  keepAhead(count: number): void {
    this.#ahead = Math.max(1, count);
    this.#wake();
  }

  /** Resolves when `count` sessions are ready, or as many as the data and the limits allow. */
  async filled(count: number): Promise<void> {
    await this.#until(() =>
      this.#queue.length >= count || this.#isFull() || this.#ended
    );
    await Promise.allSettled(
      this.#queue.slice(0, count).map(({ item }) => item),
    );
  }

  /** Stops reading and preparing. Waits at most {@linkcode CLOSE_LIMIT_MS} for them to end. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#stop.abort();
    let running: "backend" | "dataset" = "dataset";
    const stopped = (async () => {
      await this.#reading;
      running = "backend";
      await Promise.allSettled(this.#queue.map(({ item }) => item));
    })();
    const { clock, onLate } = this.#options;
    if (!await settlesWithin(CLOSE_LIMIT_MS, stopped, clock)) onLate(running);
  }

  async #read(): Promise<void> {
    try {
      await this.#readPasses();
    } catch (error) {
      if (!this.#signal.aborted) {
        this.#put({
          item: Promise.reject(error),
          position: Infinity,
          audioMs: 0,
        });
      }
    } finally {
      this.#ended = true;
      this.#release();
    }
  }

  async #readPasses(): Promise<void> {
    const { dataset, shard = WHOLE, seed, loop, from = 0 } = this.#options;
    const signal = this.#signal;
    /** Position of the next session, over all passes. */
    let position = 0;
    let hasTaken = false;
    /** Recorded time of the first session that is taken by any shard. */
    let originMs: number | undefined;
    for (let pass = 0; !signal.aborted; pass++) {
      const first = position;
      for await (const session of dataset.sessions({ seed, pass, signal })) {
        if (this.#isFull()) await this.#until(() => !this.#isFull());
        if (signal.aborted) return;
        const recordedMs = this.#times?.startOf(session);
        const at = position++;
        if (at < from) continue;
        originMs ??= recordedMs;
        const startMs = recordedMs === undefined
          ? undefined
          : recordedMs - originMs!;
        if (!isInShard(at, shard)) continue;
        hasTaken = true;
        this.#put({
          item: this.#prepare(session, startMs),
          startMs,
          position: at,
          audioMs: audioOf(session),
        });
      }
      if (signal.aborted) return; // the dataset may have ended for that reason
      this.#times?.endPass();
      await this.#until(() => this.#hasUsable || this.#preparing === 0);
      // A shard may have no session in a pass that is shorter than the number of shards.
      if (!loop || position === first || (hasTaken && !this.#hasUsable)) break;
      this.#times?.nextPass();
    }
  }

  #put(queued: Queued): void {
    const { item, audioMs } = queued;
    const settle = () => {
      this.#preparing--;
      this.#wake();
    };
    this.#preparing++;
    item.then((ready) => {
      queued.ready = ready;
      settle();
    }, settle); // next() handles a failure
    const take = this.#takers.shift();
    if (take) return take(queued);
    this.#queue.push(queued);
    this.#audioMs += audioMs;
    this.#wake();
  }

  async #prepare(
    session: Session,
    startMs: number | undefined,
  ): Promise<ReadySession | UnusableItem> {
    const { backend } = this.#options;
    const { id } = session;
    const reason = session.problem ?? missingColumn(session, backend.needs);
    if (reason !== undefined) return { id, reason };
    try {
      const prepared: unknown[] = [];
      for (const turn of session.turns) {
        prepared.push(await backend.prepare?.(turn, this.#signal));
      }
      this.#hasUsable = true;
      return { session, prepared, startMs };
    } catch (error) {
      return { id, reason: messageOf(error) };
    }
  }

  #isFull(): boolean {
    return this.#queue.length >= this.#ahead || this.#audioMs >= MAX_AUDIO_MS;
  }

  /** Waits until a condition holds, or the source is closed. */
  async #until(holds: () => boolean): Promise<void> {
    while (!holds() && !this.#signal.aborted) await this.#changed();
  }

  #changed(): Promise<void> {
    this.#change ??= Promise.withResolvers();
    return this.#change.promise;
  }

  #wake(): void {
    this.#change?.resolve();
    this.#change = undefined;
  }

  /** Wakes all that wait: no session will be put any more. */
  #release(): void {
    for (const take of this.#takers.splice(0)) take(undefined);
    this.#wake();
  }

  /** Resolves with `undefined` if the signal aborts first, as a backend may ignore it while it prepares. */
  #unlessAborted<T>(item: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const removeTask = onAbort(this.#signal, () => resolve(undefined));
      item.then(resolve, reject).finally(removeTask);
    });
  }
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
    const wanted = [missing].flat().map((name) => `"${name}"`).join(" or ");
    const known = Object.keys(columns).filter((name) =>
      columns[name] !== undefined
    );
    return `no column ${wanted}, which the backend needs; there are: ${
      known.join(", ") || "none"
    }`;
  }
  return undefined;
}
