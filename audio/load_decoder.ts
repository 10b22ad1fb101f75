import { refusal } from "./errors.ts";

/** A decoder's package, fetched when the first file needs it: a run on WAV never loads one. */
export async function loadDecoder<T>(
  name: string,
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const is = cause instanceof Error ? cause.message : String(cause);
    throw refusal(name, "its decoder must load", { is, cause });
  }
}
