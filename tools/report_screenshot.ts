/**
 * Makes the picture of the HTML report in the README: a run of five stages against the reference server, opened in the
 * Chromium that the tests use.
 *
 * ```sh
 * deno run -A tools/report_screenshot.ts
 * ```
 *
 * @module
 */
import { withBrowser } from "../tests/support/browser.ts";
import { earshot } from "../tests/support/earshot.ts";
import { serve } from "../tests/support/serve.ts";

const PICTURE = new URL("../docs/images/html-report.png", import.meta.url);

const folder = await Deno.makeTempDir();
try {
  const path = `${folder}/run.html`;
  await using server = await serve(["--seats", "8"]);
  const { stderr } = await earshot([
    ...["run", "--backend", "chat", "--target", server.url],
    ...["--load", "concurrent=1,2,4,8,12,16", "--duration", "10s"],
    ...["--warmup", "2s", "--slo", "ttft.p95<200ms", "--quiet"],
    ...["--report", `html=${path}`],
  ], { limitMs: 150_000 });
  console.error(stderr);
  await withBrowser(async (open) => {
    const { page } = await open(`file://${path}`);
    await page.setViewport({ width: 1000, height: 1480, deviceScaleFactor: 1 });
    await page.screenshot({ path: PICTURE.pathname as `${string}.png` });
  });
} finally {
  await Deno.remove(folder, { recursive: true });
}
