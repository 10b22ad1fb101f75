/** A glob in two parts: the folder to look in, and what a path below it must match. */
export interface Glob {
  /** The part before the first wildcard: a folder. */
  readonly base: string;
  /** Matches paths below `base`, written with `/`. */
  readonly matches: RegExp;
  /** Folders below this many levels cannot match. */
  readonly depth: number;
}

/** Whether a path has wildcards in it. */
export function isGlob(path: string): boolean {
  return /[*?[{]/.test(path);
}

/** Reads a glob with `*`, `**`, `?`, `[a-z]`, `[!a-z]` and `{a,b}`. */
export function parseGlob(pattern: string): Glob {
  const segments = pattern.split("/");
  const magic = segments.findIndex(isGlob);
  const base = segments.slice(0, magic).join("/");
  const rest = segments.slice(magic).join("/");
  return {
    base: magic === 0 ? "." : base || "/",
    matches: new RegExp(`^${toRegExp(rest)}$`, "u"),
    depth: rest.includes("**") ? Infinity : rest.split("/").length,
  };
}

const PIECE = /\*\*\/|\*\*|\*|\?|\[([!^]?)([^\]/]{1,250})\]|[{},]|[^]/gu;

function toRegExp(glob: string): string {
  let open = 0;
  const braces = count(glob, "{") === count(glob, "}");
  return glob.replace(PIECE, (piece, not: string, set: string) => {
    if (set) return `[${not && "^"}${set.replace(/[\\[\]^&|~]/g, "\\$&")}]`;
    if (piece === "**/") return "(?:[^/]+/)*";
    if (piece === "**") return ".*";
    if (piece === "*") return "[^/]*";
    if (piece === "?") return "[^/]";
    if (braces && piece === "{" && ++open) return "(?:";
    if (open > 0 && piece === ",") return "|";
    if (open > 0 && piece === "}" && open--) return ")";
    return piece.replace(/[\\^$.|?*+()[\]{}/]/gu, "\\$&");
  });
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}
