/** Characters that are counted at a stretch: some milliseconds of work. */
const SLICE_CHARACTERS = 4096;

/** Finds places to cut at: before the single space that stands between two letters. It remembers where it was. */
const cuts = () => /(?<=\p{L})(?= \p{L})/gu;

const PROBE =
  "Most tokenizers cut at spaces before they look any closer, and so each half of this adds up";

/**
 * Whether a text may be cut before a space and counted piece by piece. It is tried out at every space of a sentence:
 * tokenizers either cut there themselves, or put something at the head of each text, or merge across spaces.
 */
export function addsUp(count: (text: string) => number): boolean {
  const whole = count(PROBE);
  return [...PROBE.matchAll(cuts())].every(({ index }) =>
    count(PROBE.slice(0, index)) + count(PROBE.slice(index)) === whole
  );
}

/** A text in pieces of some length, cut before spaces only: together they are the text. */
export function* slicesOf(
  text: string,
  characters: number = SLICE_CHARACTERS,
): Generator<string> {
  const cut = cuts();
  let start = 0;
  while (text.length - start > characters) {
    cut.lastIndex = start + characters;
    const end = cut.exec(text)?.index ?? text.length;
    yield text.slice(start, end);
    start = end;
  }
  if (start < text.length || start === 0) yield text.slice(start);
}
