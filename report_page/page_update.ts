import type { PageData, PageStage } from "../reporters/html/page_data.ts";

/** Change of a live page: each part takes the place of the page's. The state of the running stage is that of the last update. */
export interface PageUpdate extends Partial<Omit<PageData, "stages">> {
  /** Stages by their index. */
  readonly stages: Readonly<Record<string, PageStage>>;
  /** Number of requests in distributions, and of all requests. Absent if it is the same. */
  readonly taken?: readonly [requests: number, all: number];
}

/** Returns the page with an update. That of another run begins a page of its own. */
export function updatedPage(
  page: PageData | undefined,
  { stages: changed, taken: __, ...update }: PageUpdate,
): PageData {
  const { info } = update;
  const isOther = info && page && info.run.id !== page.info.run.id;
  const { stages = [], progress: _, ...rest } = (isOther ? {} : page) ?? {};
  const all = [...stages];
  for (const [index, stage] of Object.entries(changed)) {
    all[Number(index)] = stage;
  }
  return { ...rest, ...update, stages: all } as PageData;
}
