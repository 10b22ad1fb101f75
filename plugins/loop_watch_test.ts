import assert from "node:assert/strict";
import { systemClock } from "../core/clock.ts";
import { yieldToEventLoop } from "../lib/event_loop.ts";
import {
  type Account,
  SchedulerWatch,
  TimerWatch,
  watchLoop,
} from "./loop_watch.ts";

/** A thread whose time and account are set by hand. */
class Thread {
  nowMs = 0;
  account: Account = { cpuMs: 0, queuedMs: 0, runs: 0, processMs: 0 };
  readonly watch = new SchedulerWatch(0, {
    runs: () => this.account.runs,
    all: () => this.account,
  });

  /** Waits for events. */
  idle(ms: number): this {
    this.nowMs += ms;
    return this.#pass({ runs: 1 });
  }

  /** Runs JavaScript, or other work of the thread. */
  busy(ms: number): this {
    this.nowMs += ms;
    return this.#pass({ cpuMs: ms, processMs: ms });
  }

  /** Waits for a processor. */
  queue(ms: number): this {
    this.nowMs += ms;
    return this.#pass({ queuedMs: ms, runs: 1 });
  }

  /** Waits for another thread of the process, as for the garbage collector. */
  blocked(ms: number): this {
    this.nowMs += ms;
    return this.#pass({ processMs: ms, runs: 1 });
  }

  /** The bound of a read now. */
  read(): number {
    this.watch.touch(this.nowMs);
    return this.watch.waitedMs(this.nowMs);
  }

  /** The timer of the probe fires. */
  fire(): this {
    this.watch.fired(this.nowMs);
    return this;
  }

  #pass(more: Partial<Account>): this {
    const sum = (name: keyof Account) => this.account[name] + (more[name] ?? 0);
    this.account = {
      cpuMs: sum("cpuMs"),
      queuedMs: sum("queuedMs"),
      runs: sum("runs"),
      processMs: sum("processMs"),
    };
    return this;
  }
}

const thread = () => new Thread();

const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

Deno.test("a thread that was stopped has not waited, although it took no processor time", () => {
  const one = thread();
  near(one.idle(1).fire().idle(250).fire().read(), 250);
  near(one.idle(1).fire().read(), 0);
});

Deno.test("a read after the loop has waited can have waited only since then", () => {
  const one = thread();
  near(one.idle(1).read(), 0);
  near(one.idle(0.8).busy(0.2).read(), 0.2);
});

Deno.test("a read behind other work can have waited as long as that", () => {
  const one = thread();
  one.idle(1).read();
  near(one.busy(7).read(), 7);
  // Nothing shows that the loop has waited since.
  near(one.busy(5).read(), 12);
  near(one.fire().idle(2).busy(1).read(), 1);
});

Deno.test("a pause that other work took most of does not prove that the loop has waited", () => {
  const one = thread();
  one.idle(1).read();
  near(one.busy(3).idle(0.4).read(), 3.4);
});

Deno.test("time in the queue for a processor counts as busy", () => {
  const one = thread();
  one.idle(1).read();
  near(one.queue(4).read(), 5);
});

Deno.test("time in which only other threads of the process ran counts as busy", () => {
  const one = thread();
  one.idle(1).read();
  near(one.blocked(6).read(), 6);
});

Deno.test("touches that follow each other closely read the account every 2 ms", () => {
  let reads = 0, nowMs = 0;
  const watch = new SchedulerWatch(0, {
    runs: () => 0,
    all() {
      reads++;
      return { cpuMs: nowMs, queuedMs: 0, runs: 0, processMs: nowMs };
    },
  });
  for (let i = 0; i < 1000; i++) watch.touch(nowMs += 0.01);
  assert.equal(reads, 1 + 4);
  near(watch.waitedMs(nowMs), nowMs);
});

Deno.test("the processor time of a thread that ran all the time is not read for 2 ms", () => {
  let reads = 0;
  const account = { cpuMs: 0, queuedMs: 0, runs: 0, processMs: 0 };
  const watch = new SchedulerWatch(0, {
    runs: () => account.runs,
    all() {
      reads++;
      return { ...account };
    },
  });
  watch.touch(0.5);
  watch.touch(1);
  assert.equal(reads, 1);
  near(watch.waitedMs(1), 1);
  // It waited for 0.5 ms and ran for 0.2.
  Object.assign(account, { cpuMs: 1.2, processMs: 1.2, runs: 1 });
  watch.touch(1.7);
  assert.equal(reads, 2);
  near(watch.waitedMs(1.7), 0.2);
});

Deno.test("timers alone bound a wait by the fire before last", () => {
  const watch = new TimerWatch(0);
  near(watch.waitedMs(3), 3);
  watch.fired(4);
  watch.fired(6);
  near(watch.waitedMs(7), 3);
});

Deno.test("the bound of this thread covers a block of the loop", async () => {
  const clock = systemClock();
  using watch = watchLoop(() => clock.now());
  for (let i = 0; i < 5; i++) await yieldToEventLoop();
  const startMs = clock.now();
  watch.touch(startMs);
  while (clock.now() < startMs + 20);
  const nowMs = clock.now();
  watch.touch(nowMs);
  assert.ok(watch.waitedMs(nowMs) >= 19.9, `${watch.waitedMs(nowMs)}`);
});
