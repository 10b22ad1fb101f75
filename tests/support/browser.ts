import { type Browser, launch, type Page } from "puppeteer-core";
import axe from "axe-core/axe.min.js" with { type: "text" };

/** Names of the Chromium of several systems. */
const NAMES = [
  "chromium-headless-shell",
  "chromium",
  "chromium-browser",
  "google-chrome",
];

/** Path of an installed Chromium. */
const executablePath = findOnPath(NAMES);

if (executablePath === undefined) {
  console.error(
    `\n*** NO BROWSER: tests of pages are skipped. Install Chromium, as one of ${
      NAMES.join(", ")
    }. ***\n`,
  );
}

function findOnPath(names: readonly string[]): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return names.flatMap((name) => folders.map((folder) => `${folder}/${name}`))
    .find(isFile);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** How a page is shown. */
export interface View {
  /** Width of the window, in CSS pixels. @default {1000} */
  readonly width?: number;
  /** Colour scheme that the reader prefers. @default {"light"} */
  readonly scheme?: "light" | "dark";
}

/** A tab of a real browser. */
export interface Tab {
  /** The page, for whatever is not here. */
  readonly page: Page;
  /** Errors and warnings that the page wrote to the console, and requests that failed. */
  readonly problems: string[];
  /** Requests that left the machine or read other files than the page. */
  readonly requests: string[];
}

/** Opens pages in a browser, which ends with the function. */
export async function withBrowser(
  run: (open: (url: string, view?: View) => Promise<Tab>) => Promise<void>,
): Promise<void> {
  const browser = await launch({
    executablePath: executablePath!,
    headless: "shell",
    args: ["--no-sandbox", "--font-render-hinting=none"],
  });
  try {
    await run((url, view) => openTab(browser, url, view));
  } finally {
    await browser.close();
  }
}

/** Registers a test that needs a browser; it is ignored, loudly, where none is installed. */
export function browserTest(
  name: string,
  run: Parameters<typeof withBrowser>[0],
): void {
  Deno.test({
    name,
    ignore: executablePath === undefined,
    fn: () => withBrowser(run),
  });
}

async function openTab(
  browser: Browser,
  url: string,
  { width = 1000, scheme = "light" }: View = {},
): Promise<Tab> {
  const page = await browser.newPage();
  const problems: string[] = [], requests: string[] = [];
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type())) {
      problems.push(`${message.type()}: ${message.text()}`);
    }
  });
  page.on("pageerror", (error) => problems.push(`error: ${String(error)}`));
  page.on("request", (request) => {
    const target = request.url();
    if (target !== url && !/^(data|blob):/.test(target)) requests.push(target);
  });
  await page.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: scheme },
  ]);
  await page.setViewport({ width, height: 900 });
  page.on("dialog", (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(url, { waitUntil: "load" });
  await page.waitForSelector("html[data-ready]", { timeout: 20_000 });
  return { page, problems, requests };
}

/** Returns the text that the page shows. */
export async function textOf({ page }: Tab): Promise<string> {
  return await page.evaluate("document.body.innerText") as string;
}

/** Returns by how much the page is wider than its window, in CSS pixels. */
export async function overflowOf({ page }: Tab): Promise<number> {
  return await page.evaluate(
    "document.documentElement.scrollWidth - innerWidth",
  ) as number;
}

/** A finding of axe-core. */
export interface Finding {
  readonly id: string;
  readonly impact: string;
  /** Selectors of the elements. */
  readonly targets: readonly string[];
}

/** Returns what axe-core finds serious or critical. */
export async function seriousFindings({ page }: Tab): Promise<Finding[]> {
  await page.evaluate(axe);
  return await page.evaluate(`axe.run().then(({ violations }) =>
    violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
      .map(({ id, impact, nodes }) =>
        ({ id, impact, targets: nodes.map(({ target }) => target.join(" ")) })
      ))`) as Finding[];
}
