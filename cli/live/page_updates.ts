import type {
  NormalizerName,
  Progress,
  Report,
  RunInfo,
  Sample,
  StageReport,
} from "../../plugins/mod.ts";
import type { PageUpdate } from "../../report_page/page_update.ts";
import { MAX_STAGES, PageCollector } from "../../reporters/html/page_data.ts";
import type { RequestDetails } from "../../reporters/html/request_details.ts";
import { shownData } from "../../reporters/html/shown_text.ts";
import { StageCollector } from "../../reporters/html/stage_details.ts";
import { Thinning } from "./thinning.ts";

/** Ended stages whose requests and distributions are kept; of earlier ones the report alone. */
const MAX_DETAILED = 20;

/** The state of a page: which parts it has received. */
export interface PageState {
  /** Number of times that the facts of the run had changed. */
  facts: number;
  /** Number of ended stages. */
  ended: number;
}

/** A page that has received nothing. */
export function emptyPage(): PageState {
  return { facts: 0, ended: 0 };
}

/** An ended stage, as JSON. */
interface EndedStage {
  readonly report: string;
  details?: string | undefined;
}

/**
 * Collects what a live page shows, and writes updates as JSON. Of very many requests a part is taken, and an ended stage
 * and each request are encoded once, so that an update takes a few milliseconds however long the run is.
 */
export class PageUpdates {
  readonly #page = new PageCollector();
  /** Facts of the run, and at the end its results, as the members of a JSON object. */
  #facts: string | undefined;
  #factsChanged = 0;
  readonly #ended: EndedStage[] = [];
  /** The running stage, once something of it is known. */
  #running: StageCollector | undefined;
  #normalizer: NormalizerName = "none";
  readonly #thinning = new Thinning();
  /** Samples that were taken since the last state of the stage. */
  readonly #waiting: Sample[] = [];
  #progress: Progress | undefined;
  #isOver = false;
  /** JSON of the requests that are kept, which never change. */
  #encoded = new WeakMap<RequestDetails, string>();
  /** The running stage as JSON, until it changes. */
  #stage: string | undefined;

  /** Whether the run has ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The run begins. */
  start(info: RunInfo): void {
    this.#page.start(info);
    this.#normalizer = info.run.config.normalizer;
    const { stages: _, progress: __, ...facts } = this.#page.data();
    this.#setFacts(facts);
  }

  /** Adds samples, which are not kept. */
  samples(batch: readonly Sample[]): void {
    for (const sample of batch) {
      if (this.#thinning.takes(sample)) this.#waiting.push(sample);
    }
  }

  /** Receives the state of the running stage. */
  progress(snapshot: Progress): void {
    this.#addWaiting();
    this.#progress = snapshot;
    this.#thinning.adapt(snapshot.atMs);
  }

  /** Receives the report of a stage that has ended. */
  stage(report: StageReport): void {
    this.#ended.push({
      report: JSON.stringify(shownData(report)),
      details: this.#details(this.#addWaiting()),
    });
    const old = this.#ended.at(-MAX_DETAILED - 1);
    if (old) old.details = undefined;
    this.#running = undefined;
    this.#encoded = new WeakMap();
    this.#stage = undefined;
    this.#progress = undefined;
  }

  /** Receives the report of the run. */
  report(report: Report): void {
    const { stages: _, ...facts } = this.#page.data(report);
    this.#setFacts(facts);
    this.#progress = undefined;
    this.#isOver = true;
  }

  /**
   * The JSON of a {@linkcode PageUpdate} with everything that a page does not have, and the running stage. `undefined`
   * before the run begins.
   *
   * @param state Is brought up to date.
   */
  update(state: PageState): string | undefined {
    if (this.#facts === undefined) return undefined;
    const ended = this.#ended.slice(0, MAX_STAGES);
    const stages = ended.slice(state.ended).map((stage, i) =>
      `"${state.ended + i}":${stageJson(stage)}`
    );
    if (this.#running && this.#ended.length < MAX_STAGES) {
      this.#stage ??= stageJson({ details: this.#details(this.#running) });
      stages.push(`"${ended.length}":${this.#stage}`);
    }
    const { taken, all } = this.#thinning;
    const parts = [
      ...(state.facts < this.#factsChanged ? [this.#facts] : []),
      `"stages":{${stages.join(",")}}`,
      ...(taken < all ? [`"taken":[${taken},${all}]`] : []),
      ...(this.#progress
        ? [`"progress":${JSON.stringify(shownData(this.#progress))}`]
        : []),
    ];
    state.facts = this.#factsChanged;
    state.ended = ended.length;
    return `{${parts.join(",")}}`;
  }

  #setFacts(facts: Omit<PageUpdate, "stages">): void {
    this.#facts = JSON.stringify(facts).slice(1, -1);
    this.#factsChanged++;
  }

  /** Adds the samples that wait: some at a time take a third of the time that each alone takes. */
  #addWaiting(): StageCollector {
    const stage = this.#running ??= new StageCollector(this.#normalizer);
    for (const sample of this.#waiting.splice(0)) stage.add(sample);
    this.#stage = undefined;
    return stage;
  }

  #details(stage: StageCollector): string {
    const { requests, ...rest } = stage.details();
    const list = requests.map((request) => {
      let json = this.#encoded.get(request);
      if (json === undefined) {
        json = JSON.stringify(request);
        this.#encoded.set(request, json);
      }
      return json;
    });
    return `${JSON.stringify(rest).slice(0, -1)},"requests":[${
      list.join(",")
    }]}`;
  }
}

function stageJson({ report, details }: Partial<EndedStage>): string {
  const parts = [
    ...(report === undefined ? [] : [`"report":${report}`]),
    ...(details === undefined ? [] : [`"details":${details}`]),
  ];
  return `{${parts.join(",")}}`;
}
