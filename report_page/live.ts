import type { PageData } from "../reporters/html/page_data.ts";
import { element } from "./element.ts";
import { type PageUpdate, updatedPage } from "./page_update.ts";
import { pageFile } from "./save.ts";

/** State of the connection to the run. */
type Connection = "waiting" | "live" | "lost" | "ended";

const STATES: Readonly<Record<Connection, string>> = {
  waiting: "Waiting for the run to begin.",
  live: "Live: the run goes on.",
  lost: "The connection to the run is lost; trying again.",
  ended: "The run has ended. This page keeps its report.",
};

/**
 * Shows a run while it goes on: passes on what its events add up to, and shows above the page how it is connected. The
 * browser opens a lost connection again, and then receives everything again.
 *
 * @param url URL of the events.
 * @param show Shows the page.
 */
export function showLive(url: string, show: (page: PageData) => void): void {
  const state = element("span", { role: "status" });
  const save = element("button", { type: "button" }, "Save as a file");
  const part = element("span");
  document.body.prepend(
    element("aside.run-state", { "aria-label": "Run" }, state, part, save),
  );
  let page: PageData | undefined;
  save.onclick = () => void saveFile(page);

  function connected(connection: Connection): void {
    if (state.textContent !== STATES[connection]) {
      state.textContent = STATES[connection];
    }
    save.hidden = page === undefined;
  }

  const source = new EventSource(url);
  source.onmessage = ({ data }) => {
    const update: PageUpdate = JSON.parse(data);
    page = updatedPage(page, update);
    part.textContent = takenText(update);
    if (page.end) source.close();
    connected(page.end ? "ended" : "live");
    show(page);
  };
  source.onerror = () => connected(page ? "lost" : "waiting");
  connected("waiting");
}

/** Says that the page has a part of the requests only. */
function takenText({ taken }: PageUpdate): string {
  if (!taken) return "";
  const [requests, all] = taken.map((count) => count.toLocaleString("en"));
  return `Distributions and single requests are taken from ${requests} of ${all} requests.`;
}

/** Offers the page as a file, as the HTML report is. */
async function saveFile(page: PageData | undefined): Promise<void> {
  if (!page) return;
  const file = new Blob([await pageFile(page)], { type: "text/html" });
  const link = element("a", {
    href: URL.createObjectURL(file),
    download: `earshot-${page.info.run.startedAt.replaceAll(":", "-")}.html`,
  });
  link.click();
}
