import assert from "node:assert/strict";
import { z } from "zod";
import { UsageError } from "../core/errors.ts";
import { pluginIn } from "./load_shape.ts";
import { defineBackend, defineDataset } from "./plugin.ts";

const good = {
  kind: "backend",
  apiVersion: 1,
  name: "mine",
  summary: "Mine",
  options: z.strictObject({}),
  open: () => ({ needs: [], send: () => Promise.resolve({}) }),
};
const made = defineBackend(good);

function said(module: Record<string, unknown>): string {
  try {
    pluginIn("backend", module, "./x.ts");
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error.message;
  }
  throw new Error("nothing was refused");
}

Deno.test("pluginIn() takes a plugin, and a plain definition", () => {
  for (const found of [made, good, { ...good, primary: "a" }]) {
    const plugin = pluginIn("backend", { default: found }, "./x.ts");
    assert.equal(plugin.kind, "backend");
    assert.equal(plugin({}).name, "mine");
  }
  const callable = Object.assign(() => {}, {
    "~standard": { version: 1, validate() {} },
  });
  pluginIn("backend", { default: { ...good, options: callable } }, "./x.ts");
});

Deno.test("pluginIn() says what was found where no plugin is", () => {
  const dataset = defineDataset({
    name: "d",
    summary: "D",
    options: z.strictObject({}),
    open: () => ({ async *sessions() {} }),
  });
  const cases: [Record<string, unknown>, string][] = [
    [{}, "it must be the module's default export: the module exports nothing"],
    [
      { a: 1, mine: made },
      "it must be the module's default export: the module exports a, mine",
    ],
    [
      { default: 7 },
      "it must be the module's default export: a number was found there",
    ],
    [
      { default: null },
      "it must be the module's default export: null was found there",
    ],
    [
      { default: [made] },
      "it must be the module's default export: a list was found there",
    ],
    [
      { default: function make() {} },
      `a function must come from defineBackend: "make", which does not, was found as the default export`,
    ],
    [
      { default: class {} },
      `a function must come from defineBackend: "default", which does not, was found as the default export`,
    ],
    [
      { default: made({}) },
      `the plugin itself must be exported, and not one with its options: "mine" was called already`,
    ],
    [{ default: dataset }, "it must be a backend: it is a dataset"],
    [
      { default: { ...good, kind: "reporter" } },
      "it must be a backend: it is a reporter",
    ],
    [
      { default: { ...good, kind: "Backend" } },
      `'kind' must be "backend": current value is "Backend"`,
    ],
    [
      { default: { ...good, apiVersion: 2 } },
      "'apiVersion' must be 1, the version of the plugin contract that this earshot knows: current value is 2",
    ],
    [
      { default: { ...good, name: "My Plugin" } },
      `'name' must be a name in kebab case: current value is "My Plugin"`,
    ],
    [
      { default: { ...good, primary: 3 } },
      "'primary' must be the name of an option: current value is 3",
    ],
    [
      { default: { ...good, options: {} } },
      "'options' must be a Standard Schema, as of zod, valibot or ArkType: current value is an object",
    ],
    [
      { default: Object.assign(() => {}, { kind: "backend", definition: 1 }) },
      "'definition' must be an object: a number was found",
    ],
  ];
  for (const [module, rule] of cases) {
    assert.equal(said(module), `Cannot load backend "./x.ts" as ${rule}`);
  }
});

Deno.test("pluginIn() lists everything that a definition lacks", () => {
  assert.equal(
    said({ default: {} }),
    `Cannot load backend "./x.ts":
  'kind' must be "backend": it is missing
  'apiVersion' must be 1, the version of the plugin contract that this earshot knows: it is missing
  'name' must be a name in kebab case: it is missing
  'summary' must be one line of text: it is missing
  'options' must be a Standard Schema, as of zod, valibot or ArkType: it is missing
  'open' must be a function: it is missing`,
  );
});
