/**
 * Returns the specifiers that a module imports or re-exports statically, except those of types. Reads only as much of
 * the language as it takes to skip comments, strings, templates and regular expressions. A wrong guess may miss an
 * import but never invents one: only complete statements at the top level count.
 */
export function staticImports(source: string): string[] {
  const found = new Set<string>();
  let depth = 0, at = 0;
  let last = ";";
  while (at < source.length) {
    const step = stepAt(source, at, last);
    const text = source.slice(at, at + step.length);
    if (step.kind === "word" && depth === 0 && beginsStatement(last)) {
      const specifier = specifierAt(source, at);
      if (specifier !== undefined) found.add(specifier);
    }
    if (step.kind === "open") depth++;
    if (step.kind === "close") depth = Math.max(0, depth - 1);
    if (step.kind === "line" && last !== "." && last !== ",") {
      last = "\n" + last.at(-1);
    }
    if (step.kind !== "space" && step.kind !== "line") last = text;
    at += step.length;
  }
  return [...found];
}

interface Step {
  readonly kind: "space" | "line" | "word" | "open" | "close" | "other";
  readonly length: number;
}

const RULES: readonly [RegExp, Step["kind"]][] = [
  [/\/\*[^]*?\*\/|\/\/[^\n]*|[^\S\n]+/y, "space"],
  [/\n/y, "line"],
  [/[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/yu, "word"],
  [/"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'/y, "other"],
  [/[{([]/y, "open"],
  [/[})\]]/y, "close"],
];

const REGEX = /\/(?![*/])(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;

function stepAt(source: string, at: number, last: string): Step {
  for (const [pattern, kind] of RULES) {
    pattern.lastIndex = at;
    const length = pattern.exec(source)?.[0].length ?? 0;
    if (length > 0) return { kind, length };
  }
  if (source[at] === "`") {
    return { kind: "other", length: templateLength(source, at) };
  }
  if (source[at] === "/" && mayBeginRegex(last)) {
    REGEX.lastIndex = at;
    const length = REGEX.exec(source)?.[0].length ?? 1;
    return { kind: "other", length };
  }
  return { kind: "other", length: 1 };
}

/** Returns the length of a template literal, its substitutions included. */
function templateLength(source: string, start: number): number {
  let at = start + 1;
  while (at < source.length && source[at] !== "`") {
    if (source[at] === "\\") at += 2;
    else if (source.startsWith("${", at)) at += substitutionLength(source, at);
    else at++;
  }
  return Math.min(at + 1, source.length) - start;
}

function substitutionLength(source: string, start: number): number {
  let at = start + 2;
  let depth = 1;
  let last = "{";
  while (at < source.length && depth > 0) {
    const { kind, length } = stepAt(source, at, last);
    if (kind === "open") depth++;
    if (kind === "close") depth--;
    if (kind !== "space" && kind !== "line") {
      last = source.slice(at, at + length);
    }
    at += length;
  }
  return at - start;
}

const BEFORE_VALUES =
  /^(return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield)$/;

/** Reports whether a slash begins a regular expression: after a value it is a division. */
function mayBeginRegex(last: string): boolean {
  const word = last.trim();
  return BEFORE_VALUES.test(word) ||
    !/[\p{ID_Continue}$)\]}"'`]$/u.test(word);
}

/** Reports whether a statement may begin: at the start, after `;` or `}`, or on a new line after a complete statement. */
function beginsStatement(last: string): boolean {
  return last === ";" || last === "}" || last.startsWith("\n");
}

const STATEMENT =
  /(?:import|export)(?:\s*["']([^"'\n]+)["']|(?!\s*[(.])([^;"'`()=]*?)\bfrom\s*["']([^"'\n]+)["'])/y;

/** Returns the specifier of the import or re-export that begins here, unless it imports only types. */
function specifierAt(source: string, at: number): string | undefined {
  STATEMENT.lastIndex = at;
  const [, bare, names, from] = STATEMENT.exec(source) ?? [];
  if (bare !== undefined) {
    return source.startsWith("import", at) ? bare : undefined;
  }
  return from === undefined || importsOnlyTypes(names ?? "") ? undefined : from;
}

function importsOnlyTypes(names: string): boolean {
  const text = names.replace(/\/\*[^]*?\*\/|\/\/[^\n]*/g, " ").trim();
  if (/^type\b(?!\s*(,|$))/.test(text)) return true;
  const inner = text.match(/^\{([^]*)\}$/)?.[1]?.split(",")
    .map((name) => name.trim()).filter((name) => name !== "");
  return inner !== undefined && inner.length > 0 &&
    inner.every((name) => /^type\s/.test(name));
}
