import { stripTypeScriptTypes } from "node:module";

/**
 * Joins TypeScript modules to one script for a browser, which needs no build step and no request: each module becomes a
 * function that returns its exports, and is called after those that it imports.
 *
 * Modules may use types that can be erased, `import { … } from "./other.ts"`, and `export` in front of a function, a
 * constant or a class.
 *
 * @param sources The modules by name: `./app.ts`.
 * @param entry Name of the module that starts the page.
 */
export function linkModules(
  sources: Readonly<Record<string, string>>,
  entry: string,
): string {
  const linked = new Map<string, string>();
  const link = (name: string, importers: readonly string[]) => {
    if (linked.has(name)) return;
    const source = sources[name];
    if (source === undefined) throw new Error(`unknown module "${name}"`);
    if (importers.includes(name)) throw new Error(`${name} imports itself`);
    const code = stripTypeScriptTypes(source);
    for (const [, , imported = ""] of code.matchAll(IMPORT)) {
      link(imported, [...importers, name]);
    }
    linked.set(name, toFunction(code));
  };
  link(entry, []);
  const calls = [...linked].map(([name, code]) =>
    `modules[${JSON.stringify(name)}] = ${code};\n`
  );
  return `"use strict";\nconst modules = {};\n${calls.join("")}`;
}

const IMPORT = /^import\s*\{([^}]*)\}\s*from\s*"(\.\/[\w.]+)";/gm;
const EXPORT = /^export (?=(?:async )?(?:function\*?|const|class) (\w+))/gm;

function toFunction(code: string): string {
  const exports = [...code.matchAll(EXPORT)].map(([, name]) => name);
  const body = code.replace(
    IMPORT,
    (_, names: string, from: string) =>
      `const {${names.replaceAll(" as ", ": ")}} = modules["${from}"];`,
  )
    .replace(EXPORT, "");
  return `(() => {\n${body}\nreturn { ${exports.join(", ")} };\n})()`;
}
