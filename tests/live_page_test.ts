import assert from "node:assert/strict";
import { browserTest, overflowOf, seriousFindings } from "./support/browser.ts";
import { startEarshot } from "./support/earshot.ts";
import { tempFolder } from "./support/files.ts";

browserTest(
  "a live page follows the run in a browser, and ends as its report",
  async (open) => {
    await using folder = await tempFolder();
    await using running = startEarshot([
      ...["run", "--backend", "echo=50", "--data", "repeat=hello", "--ui", "0"],
      ...["--load", "concurrent=2,4", "--duration", "3s"],
    ], { cwd: folder.path });
    const [, url] = await running.waitFor(/run ends: (http:\S+)/, "stderr");
    const tab = await open(url!, { width: 400, scheme: "dark" });
    const shows = (text: string) =>
      tab.page.waitForFunction(
        `document.body.innerText.includes(${JSON.stringify(text)})`,
        { timeout: 20_000 },
      );
    await shows("Live: the run goes on.");
    await shows("4 streams");
    const { code, stdout } = await running.ended;
    assert.ok(code === 0 || code === 4, stdout);
    await shows("The run has ended. This page keeps its report.");
    assert.deepEqual(tab.problems, []);
    assert.deepEqual(tab.requests, [new URL("events", url).href]);
    assert.ok(await overflowOf(tab) <= 0);
    assert.deepEqual(await seriousFindings(tab), []);
  },
);
