/** Name of a normalizer. */
export type NormalizerName = "none" | "basic";

/**
 * Normalizers of reference and hypothesis, applied before they are compared.
 *
 * - `none`: no change. Capitals and punctuation count.
 * - `basic`: the rules of Whisper's multilingual normalizer (github.com/openai/whisper, normalizers/basic.py). In order: lower case; text in `<…>`, `[…]` and `(…)` is removed; compatibility composition
 *   (NFKC); every mark, symbol and punctuation character becomes a space (so `don't` becomes `don t`); lower
 *   case once more; white space is collapsed and, beyond Whisper's rules, trimmed.
 */
export const normalizers: Readonly<
  Record<NormalizerName, (text: string) => string>
> = {
  none: (text) => text,
  basic: (text) =>
    streamSafe(withoutAsides(text.toLowerCase()))
      .normalize("NFKC")
      .replace(/[\p{M}\p{S}\p{P}]/gu, " ")
      .toLowerCase()
      .replace(/\s+/gu, " ")
      .trim(),
};

/**
 * Removes `<…>` and `[…]`, either closed by `>` or by `]`; then `(…)` around at least one character. Each search for
 * a closing bracket continues where the last one ended: a regular expression would start over at every opening bracket
 * and take minutes for a text of opening brackets.
 */
function withoutAsides(text: string): string {
  const tagless = withoutSpans(text, { opening: /[<[]/g, closing: /[>\]]/g });
  return withoutSpans(tagless, {
    opening: /\(/g,
    closing: /\)/g,
    atLeast: 1,
  });
}

/** Removes every span from an opening character to the next closing one with at least `atLeast` characters between. */
function withoutSpans(
  text: string,
  { opening, closing, atLeast = 0 }: {
    opening: RegExp;
    closing: RegExp;
    atLeast?: number;
  },
): string {
  const kept: string[] = [];
  let keptTo = 0, from = 0;
  while (true) {
    const start = indexFrom(text, opening, from);
    const end = start < 0 ? -1 : indexFrom(text, closing, start + 1);
    if (end < 0) return kept.join("") + text.slice(keptTo);
    if (end - start - 1 < atLeast) {
      from = end;
      continue;
    }
    kept.push(text.slice(keptTo, start));
    keptTo = from = end + 1;
  }
}

function indexFrom(text: string, pattern: RegExp, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? -1;
}

/**
 * Splits runs of more than 30 marks, as the Stream-Safe Text Format of UAX #15 does: normalization sorts the marks of
 * a run, and takes minutes for 100,000 of them.
 */
function streamSafe(text: string): string {
  return text.replace(/\p{M}{30}(?=\p{M})/gu, `$&${GRAPHEME_JOINER}`);
}

const GRAPHEME_JOINER = "\u034f";
