import type { PageData } from "../reporters/html/page_data.ts";

/** The page as it was opened: what is packed in it is removed when it has been used. Only a live page is saved. */
const source = document.body.dataset["events"] === undefined
  ? undefined
  : document.documentElement.cloneNode(true) as HTMLElement;

/** Returns the page as a file that shows some data and needs no server. */
export async function pageFile(data: PageData): Promise<string> {
  const root = source!.cloneNode(true) as HTMLElement;
  root.querySelector("body")!.removeAttribute("data-events");
  root.querySelector("#data")!.textContent = await pack(JSON.stringify(data));
  return `<!doctype html>\n${root.outerHTML}\n`;
}

/** Packs a text as the page holds it: gzip, in base64. */
async function pack(text: string): Promise<string> {
  const stream = new Blob([text]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
