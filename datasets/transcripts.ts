import { type AudioFile, stemOf } from "./find_audio.ts";

/** Finds what is said in a file: `undefined` where nobody wrote it down. */
export type Transcripts = (file: AudioFile) => Promise<string | undefined>;

/** Lists that are kept at a time: files of one folder follow each other, unless they are shuffled. */
const KEPT_LISTS = 64;

/**
 * Reads transcripts when they are asked for: from the sidecar, else from the lists in the file's folder.
 *
 * @throws {Error} When asked, if a transcript is there but cannot be read.
 */
export function transcripts(): Transcripts {
  const kept = new Map<string, Promise<Map<string, string>>>();

  function list(path: string): Promise<Map<string, string>> {
    const found = kept.get(path) ?? readText(path).then(parseList);
    kept.delete(path);
    kept.set(path, found);
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT_LISTS) break;
      kept.delete(oldest);
    }
    return found;
  }

  return async ({ path, sidecar, lists }) => {
    if (sidecar !== undefined) return (await readText(sidecar)).trim();
    const stem = stemOf(path);
    for (const each of lists) {
      const text = (await list(each)).get(stem);
      if (text !== undefined) return text;
    }
    return undefined;
  };
}

/** `ID WORDS…`, one utterance a line. */
function parseList(text: string): Map<string, string> {
  const byId = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const text = line.trim();
    const [id] = /^\S+/u.exec(text) ?? [];
    if (id !== undefined) byId.set(id, text.slice(id.length).trim());
  }
  return byId;
}

async function readText(path: string): Promise<string> {
  const bytes = await Deno.readFile(path).catch((cause) => {
    throw new Error(`Cannot read the transcript ${path}`, { cause });
  });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Error(
      `Cannot read the transcript ${path} as it must be UTF-8: current value is something else`,
      { cause },
    );
  }
}
