type Node = Deno.lint.Node;

/** Reports each place where one of `names` is used as a global, however it was reached. */
export function onGlobals(
  names: readonly string[],
  report: (name: string, use: Node) => void,
): Deno.lint.LintVisitor {
  const wanted = new Set(names);
  const check = (name: string | undefined, use: Node) => {
    if (name !== undefined && wanted.has(name)) report(name, use);
  };
  return {
    Identifier(node) {
      if (isReference(node)) check(node.name, node);
    },
    MemberExpression(node) {
      if (isGlobalObject(node.object)) check(memberName(node), node);
    },
    ImportSpecifier(node) {
      const { imported } = node;
      check(imported.type === "Identifier" ? imported.name : undefined, node);
    },
    Property(node) {
      if (!node.shorthand && isTakenFromGlobalObject(node)) {
        check(keyName(node), node);
      }
    },
  };
}

/** The member that is read off `use`, as in `use.name` or `use["name"]`; undefined for any other use. */
export function memberOf(use: Node): string | undefined {
  const parent = parentOf(use);
  return parent?.type === "MemberExpression" && same(parent.object, use)
    ? memberName(parent)
    : undefined;
}

/** The parent of a node. */
export function parentOf(node: Node): Node | undefined {
  return (node as { parent?: Node }).parent;
}

/** Whether two handles are the same piece of source. */
export function same(a: Node, b: Node): boolean {
  return a.type === b.type && a.range[0] === b.range[0] &&
    a.range[1] === b.range[1];
}

/** The text of a string literal or of a template without holes. */
export function textOf(node: Node | null | undefined): string | undefined {
  if (node?.type === "Literal" && typeof node.value === "string") {
    return node.value;
  }
  if (node?.type === "TemplateLiteral" && node.expressions.length === 0) {
    return node.quasis[0]?.cooked;
  }
  return undefined;
}

function memberName(
  { computed, property }: Deno.lint.MemberExpression,
): string | undefined {
  if (computed) return textOf(property);
  return property.type === "Identifier" ? property.name : undefined;
}

function keyName({ computed, key }: Deno.lint.Property): string | undefined {
  return !computed && key.type === "Identifier" ? key.name : textOf(key);
}

/** As in `const { performance: p } = globalThis`. */
function isTakenFromGlobalObject({ parent: pattern }: Deno.lint.Property) {
  if (pattern.type !== "ObjectPattern") return false;
  const { parent } = pattern;
  const source = parent?.type === "VariableDeclarator"
    ? parent.init
    : parent?.type === "AssignmentExpression"
    ? parent.right
    : undefined;
  return !!source && isGlobalObject(source);
}

function isGlobalObject(node: Node): boolean {
  return node.type === "Identifier" &&
    ["globalThis", "self", "window", "global"].includes(node.name);
}

/** Parents under which a name is a type, and so nothing that runs, or is looked at as a whole. */
const TYPE_PARENTS: ReadonlySet<string> = new Set([
  "ImportSpecifier",
  "TSTypeReference",
  "TSQualifiedName",
  "TSTypeQuery",
  "TSInterfaceHeritage",
  "TSClassImplements",
]);

/** Parents under which a name is a key, and not looked up. */
const KEY_PARENTS: ReadonlySet<string> = new Set([
  "Property",
  "PropertyDefinition",
  "MethodDefinition",
  "AccessorProperty",
  "TSPropertySignature",
  "TSMethodSignature",
  "TSAbstractMethodDefinition",
  "TSAbstractPropertyDefinition",
]);

function isReference(node: Deno.lint.Identifier): boolean {
  const { parent } = node;
  if (TYPE_PARENTS.has(parent.type)) return false;
  if (parent.type === "MemberExpression") {
    return parent.computed || !same(parent.property, node);
  }
  if (KEY_PARENTS.has(parent.type)) {
    const { key, computed, shorthand } = parent as Deno.lint.Property;
    return computed || shorthand || !same(key, node);
  }
  return true;
}
