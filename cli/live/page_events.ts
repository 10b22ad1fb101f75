import type { Clock } from "../../core/clock.ts";
import type { Reporter } from "../../plugins/mod.ts";
import { emptyPage, PageUpdates } from "./page_updates.ts";

/** Time between two updates, in milliseconds. */
const EVERY_MS = 1000;
/** Time between two updates ÷ time that one takes: at most this part of the thread's time is used. */
const LEAST_PAUSES = 100;
/** Time in which a page must read an update: one that is stuck is closed. It may connect again. */
const STUCK_MS = 10_000;

/** An open page, which reads the events of a run. */
interface OpenPage {
  /** Parts of the run that were sent. */
  readonly state: ReturnType<typeof emptyPage>;
  /** Ends the wait for a change. */
  readonly closed: PromiseWithResolvers<void>;
  /** Cancels the limit of the time to read an update. */
  cancelLimit(): void;
}

/** Server-sent events of a run for any number of pages. A page that reads slowly receives fewer updates, not later ones. */
export class PageEvents {
  readonly #clock: Clock;
  readonly #updates = new PageUpdates();
  readonly #pages = new Set<OpenPage>();
  #changed = Promise.withResolvers<void>();
  #nextMs = 0;
  #stage = -1;
  #isOver = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Number of open pages. */
  get pages(): number {
    return this.#pages.size;
  }

  /** Receives the run. */
  get reporter(): Reporter {
    const updates = this.#updates;
    return {
      start: (info) => {
        updates.start(info);
        this.#change();
      },
      samples: (batch) => updates.samples(batch),
      progress: (snapshot) => {
        updates.progress(snapshot);
        const isNew = snapshot.stage !== this.#stage;
        this.#stage = snapshot.stage;
        if (isNew || this.#clock.now() >= this.#nextMs) this.#change();
      },
      stage: (report) => {
        updates.stage(report);
        this.#change();
      },
      report: (report) => {
        updates.report(report);
        this.end();
      },
    };
  }

  /** Lets every page end, after an update with the last state. */
  end(): void {
    this.#isOver = true;
    this.#change();
  }

  /** The events for a page that has just been opened: everything so far, then what changes. */
  stream(): ReadableStream<Uint8Array> {
    const page: OpenPage = {
      state: emptyPage(),
      closed: Promise.withResolvers(),
      cancelLimit() {},
    };
    const close = () => {
      page.cancelLimit();
      page.closed.resolve();
      this.#pages.delete(page);
    };
    this.#pages.add(page);
    let hasAll = false;
    let changed: Promise<void> = Promise.resolve();
    return new ReadableStream({
      start: (controller) => controller.enqueue(comment),
      // It is called when the page has read what came before.
      pull: async (controller) => {
        page.cancelLimit();
        let data: string | undefined;
        while (data === undefined && !hasAll && this.#pages.has(page)) {
          await Promise.race([changed, page.closed.promise]);
          changed = this.#changed.promise;
          hasAll = this.#isOver;
          data = this.#update(page);
        }
        if (!this.#pages.has(page)) return;
        if (data === undefined) {
          close();
          return controller.close();
        }
        controller.enqueue(encoder.encode(`data: ${data}\n\n`));
        page.cancelLimit = this.#clock.at(this.#clock.now() + STUCK_MS, () => {
          close();
          controller.close(); // an error would be printed
        });
      },
      cancel: close,
    }, { highWaterMark: 0 });
  }

  /** The update of a page. The next ones wait if it takes long, as this thread also measures. */
  #update({ state }: OpenPage): string | undefined {
    const startMs = this.#clock.now();
    const data = this.#updates.update(state);
    const nowMs = this.#clock.now();
    const pauseMs = Math.max(EVERY_MS, LEAST_PAUSES * (nowMs - startMs));
    this.#nextMs = Math.max(this.#nextMs, nowMs + pauseMs);
    return data;
  }

  #change(): void {
    this.#nextMs = this.#clock.now() + EVERY_MS;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

const encoder = new TextEncoder();

/** An event without content: the page sees that it is connected. */
const comment = encoder.encode(":\n\n");
