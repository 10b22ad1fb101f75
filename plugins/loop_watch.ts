import process from "node:process";
import { setImmediate } from "node:timers";
import type { LoopWatch } from "../core/client_monitor.ts";
import { isOnlyThread } from "../lib/worker_rpc.ts";

/** Interval of the probe, in milliseconds. Deno fires it 0.2–1.2 ms later. */
const PROBE_MS = 1;
/** The account is read after a longer gap between two touches; within a burst of callbacks only every READ_MS. */
const GAP_MS = 0.15;
/** The account is read at least this often while callbacks follow each other without a gap. */
const READ_MS = 2;
/** Idle time that proves that the loop waited for events: less may be an error of the accounts. */
const IDLE_MS = 0.25;
/** The same while other work takes the processor, which makes the accounts less exact. */
const CROWDED_IDLE_MS = 0.5;
/** A probe that has not fired for longer than this shows a busy loop, even if it took little processor time. */
const LATE_MS = PROBE_MS + 2.5;
/** Queueing for a processor longer than this shows that other work takes it. */
const QUEUED_MS = 1;
/**
 * How long that is remembered. Of the time between two readings only READ_MS counts: the garbage collector may keep this
 * thread waiting while its own threads queue.
 */
const CROWDED_MS = 20;
/** Fires of the probe within which every socket is read, while other work takes the processor. */
const CROWDED_FIRES = 4;
/** The same otherwise. */
const FIRES = 2;

/** The system's account of this thread and this process, in milliseconds since they began. */
export interface Account {
  /** Processor time of the thread. */
  readonly cpuMs: number;
  /** Time that the thread waited for a processor. */
  readonly queuedMs: number;
  /** How often it was given one. */
  readonly runs: number;
  /** Processor time of the process. */
  readonly processMs: number;
}

/** Reads the account of this thread. */
export interface AccountReader {
  /** Reads only how often it was given a processor, which takes a tenth of the time. */
  runs(): number;
  all(): Account;
}

/** Watches the event loop of this thread. */
export function watchLoop(now: () => number): LoopWatch & Disposable {
  const account = openAccount();
  const watch = account
    ? new SchedulerWatch(now(), account)
    : new TimerWatch(now());
  const endProbe = probe(() => watch.fired(now()));
  return Object.assign(watch, {
    [Symbol.dispose]() {
      endProbe();
      account?.close();
    },
  });
}

/** The last times that a repeating timer of this thread fired. */
class Probe {
  /** The latest first. */
  readonly #fires: number[];

  constructor(nowMs: number) {
    this.#fires = Array(CROWDED_FIRES).fill(nowMs);
  }

  /** Records that the timer fired. */
  fired(nowMs: number): void {
    this.#fires.pop();
    this.#fires.unshift(nowMs);
  }

  /** When it fired so many times ago; 1 is the last time. */
  atMs(times: number): number {
    return this.#fires[times - 1]!;
  }

  /** Whether it should have fired by now, if the loop had waited for events. */
  isOverdue(nowMs: number): boolean {
    return nowMs - this.atMs(1) > LATE_MS;
  }
}

/** Calls `fired` about every millisecond. Returns a function that ends it. */
function probe(fired: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;
  const arm = () => {
    if (!isClosed) timer = setTimeout(fire, PROBE_MS);
  };
  const fire = () => {
    fired();
    // Deno runs due timers in several passes without asking for events: armed here, it could fire twice in one.
    setImmediate(arm);
  };
  arm();
  return () => {
    isClosed = true;
    clearTimeout(timer);
  };
}

/**
 * Bounds the wait by the time since the probe fired before last. Needs no permission, and is a few milliseconds too
 * high on an idle client.
 */
export class TimerWatch implements LoopWatch {
  readonly method = "timers";
  readonly queuedMs = undefined;
  readonly #probe: Probe;

  constructor(nowMs: number) {
    this.#probe = new Probe(nowMs);
  }

  touch(): void {}

  fired(nowMs: number): void {
    this.#probe.fired(nowMs);
  }

  waitedMs(nowMs: number): number {
    return nowMs - this.#probe.atMs(FIRES);
  }
}

/**
 * Bounds the wait by the time since the thread was last seen to wait for events. The system's account of the thread
 * gives how long it ran, and how long it queued for a processor: the rest of the time it waited.
 */
export class SchedulerWatch implements LoopWatch {
  readonly method = "scheduler";
  readonly #probe: Probe;
  readonly #account: AccountReader;
  #before: Account;
  #lastMs: number;
  #readMs: number;
  /** When all of the account was last read. */
  #accountMs: number;
  /** Since when the thread may have been busy without a pause. */
  #sinceMs: number;
  /** For how long other work is still taken to have the processor. */
  #crowdedMs = 0;

  constructor(nowMs: number, account: AccountReader) {
    this.#account = account;
    this.#before = account.all();
    this.#lastMs =
      this.#readMs =
      this.#accountMs =
      this.#sinceMs =
        nowMs;
    this.#probe = new Probe(nowMs);
  }

  fired(nowMs: number): void {
    this.#probe.fired(nowMs);
    this.touch(nowMs);
  }

  get queuedMs(): number {
    return this.#before.queuedMs;
  }

  touch(nowMs: number): void {
    const gapMs = nowMs - this.#lastMs;
    if (gapMs > GAP_MS || nowMs - this.#readMs > READ_MS) {
      this.#read(nowMs, gapMs);
    }
    this.#lastMs = nowMs;
  }

  waitedMs(nowMs: number): number {
    const sinceMs = this.#crowdedMs > 0
      ? Math.min(this.#sinceMs, this.#probe.atMs(CROWDED_FIRES))
      : this.#sinceMs;
    return nowMs - sinceMs;
  }

  #read(nowMs: number, gapMs: number): void {
    const before = this.#before;
    const isRecent = nowMs - this.#accountMs < READ_MS;
    if (isRecent && this.#account.runs() === before.runs) {
      return this.#ran(nowMs);
    }
    const account = this.#account.all();
    const queuedMs = account.queuedMs - before.queuedMs;
    const ownMs = account.cpuMs - before.cpuMs + queuedMs;
    // V8 collects garbage on other threads while this one waits for it. Other JavaScript would be counted as well.
    const busyMs = isOnlyThread()
      ? Math.max(ownMs, account.processMs - before.processMs)
      : ownMs;
    const spanMs = nowMs - this.#readMs, idleMs = spanMs - busyMs;
    this.#crowdedMs = queuedMs > QUEUED_MS
      ? CROWDED_MS
      : this.#crowdedMs - Math.min(spanMs, READ_MS);
    const leastMs = this.#crowdedMs > 0 ? CROWDED_IDLE_MS : IDLE_MS;
    // A thread that waits is woken by the probe: after a longer gap it was stopped, which also takes no processor time.
    const isAwake = gapMs <= LATE_MS && !this.#probe.isOverdue(nowMs);
    if (idleMs > leastMs && isAwake) {
      this.#sinceMs = nowMs - Math.max(0, gapMs - idleMs);
    }
    this.#readMs = this.#accountMs = nowMs;
    this.#before = account;
  }

  /** Records that the thread ran all the time since the last reading. */
  #ran(nowMs: number): void {
    const ranMs = nowMs - this.#readMs;
    const { cpuMs, processMs, ...others } = this.#before;
    this.#before = {
      ...others,
      cpuMs: cpuMs + ranMs,
      processMs: processMs + ranMs,
    };
    this.#readMs = nowMs;
  }
}

/**
 * Opens the account of this thread. After it is closed, it stays as it was last read: the clock of a stage that has
 * ended may still be asked for the time. Returns `undefined` where the system has none, or permissions do not allow it.
 */
function openAccount(): (AccountReader & { close(): void }) | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const buffer = new Uint8Array(128);
  let file: Deno.FsFile | undefined;
  let last: Account = { cpuMs: 0, queuedMs: 0, runs: 0, processMs: 0 };
  try {
    file = Deno.openSync("/proc/thread-self/schedstat");
  } catch {
    return undefined;
  }
  const read = (open: Deno.FsFile) => {
    open.seekSync(0, Deno.SeekMode.Start);
    return numbers(buffer, open.readSync(buffer) ?? 0);
  };
  return {
    runs: () => file ? read(file)[2] : last.runs,
    all() {
      if (!file) return last;
      // The system brings the account up to date when the times of the process are read.
      const { user, system } = process.cpuUsage();
      const [cpuNs, queuedNs, runs] = read(file);
      return last = {
        cpuMs: cpuNs / 1e6,
        queuedMs: queuedNs / 1e6,
        runs,
        processMs: (user + system) / 1e3,
      };
    },
    close() {
      file?.close();
      file = undefined;
    },
  };
}

/** The first three numbers of a line, without making strings of them. */
function numbers(
  bytes: Uint8Array,
  length: number,
): [number, number, number] {
  const found: [number, number, number] = [0, 0, 0];
  for (let i = 0, at = 0; i < length && at < 3; i++) {
    const digit = bytes[i]! - 48;
    if (digit >= 0 && digit <= 9) found[at] = found[at]! * 10 + digit;
    else at++;
  }
  return found;
}
