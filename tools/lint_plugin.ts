/**
 * House rules as lint rules: imports go one way, time comes from one clock, random numbers from one seeded generator,
 * core/ uses no global of the host, and only the command line prints.
 *
 * @module
 */
import { memberOf, onGlobals, parentOf, same, textOf } from "./lint/globals.ts";
import { isBound, offence, placeOf } from "./lint/rooms.ts";

type Node = Deno.lint.Node;

const oneWayImports: Deno.lint.Rule = {
  create(context) {
    const here = placeOf(context.filename);
    if (!isBound(here)) return {};
    const check = (node: Node, source: Node | null | undefined) => {
      const specifier = textOf(source);
      const message = specifier === undefined
        ? source && "The target of an import must be a literal"
        : offence(here, specifier);
      if (message) context.report({ node, message });
    };
    return {
      ImportDeclaration: (node) => check(node, node.source),
      ExportAllDeclaration: (node) => check(node, node.source),
      ExportNamedDeclaration: (node) => check(node, node.source),
      ImportExpression: (node) => check(node, node.source),
      TSExternalModuleReference: (node) => check(node, node.expression),
      TSImportType(node) {
        const { argument } = node;
        check(
          node,
          argument.type === "TSLiteralType" ? argument.literal : argument,
        );
      },
      NewExpression(node) {
        const [path, base] = node.arguments;
        if (isNamed(node.callee, "URL") && base && isOwnUrl(base)) {
          checkUrl(node, path);
        }
      },
      CallExpression(node) {
        const { callee } = node;
        if (
          callee.type === "MemberExpression" && isImportMeta(callee.object) &&
          isNamed(callee.property, "resolve")
        ) checkUrl(node, node.arguments[0]);
      },
    };

    /** A file reached by URL, as workers and data are: what is computed cannot be judged, and need not be. */
    function checkUrl(node: Node, path: Node | undefined): void {
      const specifier = textOf(path);
      if (specifier === undefined) return;
      const isBare = /^[\w-]/.test(specifier) && !/^\w+:/.test(specifier);
      const message = offence(here, isBare ? `./${specifier}` : specifier);
      if (message) context.report({ node, message });
    }
  },
};

const CLOCKS: ReadonlySet<string> = new Set([
  "core/clock.ts",
  "core/clock_test.ts",
]);

const oneClock: Deno.lint.Rule = {
  create(context) {
    const { path, room } = placeOf(context.filename);
    if (CLOCKS.has(path) || room === "bench" || room === "tools") return {};
    return onGlobals(
      ["performance", "Date", "Temporal", "process"],
      (name, use) => {
        if (!readsTime(name, use)) return;
        context.report({
          node: use,
          message: "Time comes from a Clock: see core/clock.ts",
        });
      },
    );
  },
};

/** Whether a use of a global reads the time, or passes on a function that does. */
function readsTime(name: string, use: Node): boolean {
  const member = memberOf(use);
  if (name === "process") return member === "hrtime";
  if (name === "Temporal") return member === undefined || member === "Now";
  if (name === "performance") return true;
  const parent = parentOf(use);
  if (member !== undefined) return !["parse", "UTC"].includes(member);
  if (parent?.type === "NewExpression" && same(parent.callee, use)) {
    return parent.arguments.length === 0;
  }
  return !(parent?.type === "BinaryExpression" &&
    parent.operator === "instanceof");
}

const seededRandom: Deno.lint.Rule = {
  create(context) {
    return onGlobals(["Math"], (_name, use) => {
      const member = memberOf(use);
      if (member !== undefined && member !== "random") return;
      context.report({
        node: use,
        message:
          "Random numbers come from a seeded generator: see lib/random.ts",
      });
    });
  },
};

/** Globals that core/ must receive as parameters. */
const OUTSIDE: readonly string[] = [
  "Deno",
  "fetch",
  "console",
  "process",
  "Buffer",
  "WebSocket",
  "EventSource",
  "Worker",
  "localStorage",
  "navigator",
];

const pureCore: Deno.lint.Rule = {
  create(context) {
    const { room, isTest } = placeOf(context.filename);
    if (room !== "core" || isTest) return {};
    return onGlobals(OUTSIDE, (name, use) =>
      context.report({
        node: use,
        message: `core/ may not use ${name}: take it as a parameter`,
      }));
  },
};

/** Folders that print for people. */
const PRINTING: ReadonlySet<string | undefined> = new Set([
  "cli",
  "cli.ts",
  "tools",
  "bench",
  "tests",
  "examples",
]);

const quietLibrary: Deno.lint.Rule = {
  create(context) {
    const { room, isTest } = placeOf(context.filename);
    if (isTest || room === "core" || PRINTING.has(room)) return {};
    return onGlobals(["console"], (_name, use) =>
      context.report({
        node: use,
        message: "Only the command line prints to the console",
      }));
  },
};

function isNamed(node: Node, name: string): boolean {
  return node.type === "Identifier" && node.name === name;
}

function isImportMeta(node: Node): boolean {
  return node.type === "MetaProperty";
}

/** `import.meta.url`. */
function isOwnUrl(node: Node): boolean {
  return node.type === "MemberExpression" && isImportMeta(node.object) &&
    isNamed(node.property, "url");
}

const plugin: Deno.lint.Plugin = {
  name: "house",
  rules: {
    "one-way-imports": oneWayImports,
    "one-clock": oneClock,
    "seeded-random": seededRandom,
    "pure-core": pureCore,
    "quiet-library": quietLibrary,
  },
};

export default plugin;
