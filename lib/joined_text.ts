/** Text that grows piece by piece. */
export interface JoinedText {
  /** Adds a piece at the end. */
  add(piece: string): void;
  /** All of it. */
  toString(): string;
}

/** Pieces that are joined at once. */
const AT_ONCE = 1024;

/**
 * Joins pieces into large strings. `+=` keeps each piece as a string of its own, and 32 bytes beside it: several times
 * the memory of the text, where it comes a word at a time.
 */
export function joinedText(): JoinedText {
  let text = "";
  let recent: string[] = [];

  function join(): void {
    text += recent.join("");
    recent = [];
  }

  return {
    add(piece) {
      recent.push(piece);
      if (recent.length >= AT_ONCE) join();
    },
    toString() {
      join();
      return text;
    },
  };
}
