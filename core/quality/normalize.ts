/** The names of what can be done to texts before they are compared. */
export type NormalizerName = "none" | "basic";

/**
 * What is done to reference and hypothesis before they are compared.
 *
 * - `none`: nothing. Capitals and punctuation count.
 * - `basic`: as Whisper's multilingual normalizer does (github.com/openai/whisper, normalizers/basic.py), written
 *   anew from its rules. In order: lower case; text in `<…>`, `[…]` and `(…)` goes; compatibility composition
 *   (NFKC); every mark, symbol and punctuation character becomes a space (so `don't` becomes `don t`); lower
 *   case once more; white space is collapsed and, beyond Whisper's rules, trimmed.
 */
export const normalizers: Readonly<
  Record<NormalizerName, (text: string) => string>
> = {
  none: (text) => text,
  basic: (text) =>
    text.toLowerCase()
      .replace(/[<[][^>\]]*[>\]]/gu, "")
      .replace(/\([^)]+\)/gu, "")
      .normalize("NFKC")
      .replace(/[\p{M}\p{S}\p{P}]/gu, " ")
      .toLowerCase()
      .replace(/\s+/gu, " ")
      .trim(),
};
