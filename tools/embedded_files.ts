/** The paths in the tree of embedded files that `deno compile` prints; a folder taken whole ends in `/*`. */
export function embeddedFiles(text: string): string[] {
  const paths: string[] = [];
  const parents: string[] = [];
  for (const line of text.split("\n")) {
    const [, indent, rest] = line.match(/^([│ ]*)[├└][─┬]+ (.+)$/) ?? [];
    if (indent === undefined || rest === undefined) continue;
    const name = rest.replace(/ \([^()]*\)$/, "");
    const depth = indent.length / 2;
    parents.length = depth;
    paths.push([...parents, name].join("/"));
    parents.push(name);
  }
  return paths;
}

/** Whether a file is among the paths, by itself or in a folder taken whole. */
export function isEmbedded(paths: readonly string[], file: string): boolean {
  return paths.some((path) =>
    path === file || (path.endsWith("/*") && file.startsWith(path.slice(0, -1)))
  );
}
