import { CHARACTERS_PER_TOKEN } from "../../tokens/mod.ts";
import { drawWord, wordOfLength } from "./words.ts";
import type { Writer, Writing } from "./writer.ts";

/** Writes texts whose tokens are estimated by their characters. */
export const byCharacters: Writer = {
  counter: "characters",
  write: (writing) => Promise.resolve(write(writing)),
};

function write({ tokens, opening, after, chance }: Writing): string {
  const words = after ? [after.text] : [];
  const { text: head, tokens: before } = after ?? { text: "", tokens: 0 };
  let room = (before + tokens) * CHARACTERS_PER_TOKEN - head.length;
  for (let i = 0;; i++) {
    const space = words.length > 0 ? 1 : 0;
    const word = opening[i] ?? drawWord(chance);
    const fits = space + word.length <= room;
    if (!fits && room - space < 1) return words.join(" ");
    const chosen = fits ? word : wordOfLength(room - space, chance);
    words.push(chosen);
    room -= space + chosen.length;
  }
}
