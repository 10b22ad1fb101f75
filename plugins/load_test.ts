// Opens the C library before a test loads a plugin that does: the test would be said to leave it open.
import "../lib/libc.ts";
import assert from "node:assert/strict";
import { relative } from "node:path";
import { z } from "zod";
import { catalogue } from "../catalogue.ts";
import { UsageError } from "../core/errors.ts";
import {
  isFile,
  type LoadOptions,
  loadPlugin,
  loadPlugins,
  pluginIn,
} from "./load.ts";
import {
  defineBackend,
  defineDataset,
  defineLoad,
  type Kind,
  type OpenContext,
} from "./plugin.ts";

/** A backend that imports nothing but a type. */
const ECHO = `
import type { Definition } from "https://example.org/earshot/plugin.ts";
const anything = {
  "~standard": { version: 1 as const, vendor: "none", validate: (value: unknown) => ({ value }) },
};
export default {
  kind: "backend",
  apiVersion: 1,
  name: "mine",
  summary: "Answers with the same text",
  primary: "text",
  options: anything,
  open: ({ text }: { text: string }) => ({
    needs: [],
    async send(_request: unknown, call: any) {
      call.output(call.read(text.length), { kind: "text", text });
      return {};
    },
  }),
};`;

const context: OpenContext = {
  env: () => undefined,
  signal: new AbortController().signal,
  warn() {},
};

/** Returns the message of the usage error that a promise rejects with. */
async function refused(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.message;
  }
  throw new Error("expected a rejection");
}

/** Serves answers on loopback while `use` runs. */
async function serving(
  answer: (request: Request) => Response | Promise<Response>,
  use: (origin: string) => Promise<void>,
): Promise<void> {
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    answer,
  );
  await use(`http://127.0.0.1:${server.addr.port}`);
}

const code = (source: string, type = "application/typescript") =>
  new Response(source, { headers: { "content-type": type } });

const load = (specifier: string, options: Partial<LoadOptions> = {}) =>
  loadPlugin("backend", specifier, { catalogue, ...options });

Deno.test("loadPlugin() loads every built-in plugin by its name", async () => {
  for (const kind of Object.keys(catalogue) as Kind[]) {
    for (const name of Object.keys(catalogue[kind])) {
      const plugin = await loadPlugin(kind, name, { catalogue });
      assert.equal(plugin.kind, kind);
      assert.equal(plugin.definition.name, name);
      const primary = plugin.definition.primary;
      const schema = plugin.definition.options["~standard"].jsonSchema
        ?.input({ target: "draft-2020-12" });
      assert.ok(schema, `${name} provides its JSON Schema`);
      const known = Object.keys(schema.properties as object);
      assert.ok(primary === undefined || known.includes(primary), name);
    }
  }
});

const BACKENDS = Object.keys(catalogue.backend).join(", ");

Deno.test("loadPlugin() suggests the nearest name and lists all names", async () => {
  assert.equal(
    await refused(load("realtme")),
    `unknown backend "realtme"; did you mean "realtime"?; there are: ${BACKENDS}; a file begins with ./ or ends in .ts or .js`,
  );
  assert.match(
    await refused(load("zzz")),
    new RegExp(`^unknown backend "zzz"; there are: ${BACKENDS};`),
  );
  assert.match(
    await refused(load("json")),
    new RegExp(
      `^"json" is a reporter, not a backend; there are: ${BACKENDS}$`,
    ),
  );
  for (const name of ["toString", "__proto__", "constructor"]) {
    assert.match(await refused(load(name)), /^unknown backend/);
  }
  assert.match(
    await refused(load("npm:earshot-x")),
    /bundle a package into one file first/,
  );
  assert.match(
    await refused(load("realtme", { option: "--backend" })),
    /^--backend: unknown backend "realtme"; did you mean "realtime"\?/,
  );
});

Deno.test("loadPlugins() loads one plugin of each kind that has the name", async () => {
  const found = await loadPlugins("csv", { catalogue });
  assert.deepEqual(found.map(({ kind }) => kind), ["dataset", "reporter"]);
  const [load] = await loadPlugins("poisson", { catalogue });
  assert.equal(load?.kind, "load");
  assert.match(
    await refused(loadPlugins("posson", { catalogue })),
    /^unknown plugin "posson"; did you mean "poisson"\?; there are: chat, /,
  );
});

Deno.test("loadPlugins() loads a file or a URL whatever its kind, with one fetch", async () => {
  let fetched = 0;
  const dataset = ECHO.replace(`"backend"`, `"dataset"`);
  await serving(() => {
    fetched++;
    return code(dataset);
  }, async (origin) => {
    const [found] = await loadPlugins(`${origin}/p.ts`, { catalogue });
    assert.equal(found?.kind, "dataset");
    assert.equal(fetched, 1);
  });
  await serving(() => code("export default 1"), async (origin) => {
    assert.match(
      await refused(loadPlugins(`${origin}/p.ts`, { catalogue })),
      /default export/,
    );
  });
});

Deno.test("loadPlugin() loads a file by relative path, absolute path and URL", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/my plugin#1.ts`, ECHO);
    const here = relative(Deno.cwd(), folder);
    for (
      const specifier of [
        `./${here}/my plugin#1.ts`,
        `${here}/my plugin#1.ts`,
        `${folder}/my plugin#1.ts`,
        `file://${folder}/my%20plugin%231.ts`,
      ]
    ) {
      const plugin = await load(specifier);
      assert.equal(plugin.definition.name, "mine", specifier);
      const backend = await plugin({ text: "hi" }).open(context);
      assert.deepEqual(backend.needs, []);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("loadPlugin() lets a file import other files and packages of the project", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/name.ts`, `export const name = "own";`);
    await Deno.writeTextFile(
      `${folder}/plugin.ts`,
      `import { defineBackend } from "@earshot/earshot/plugin";
       import { z } from "zod";
       import { name } from "./name.ts";
       export default defineBackend({ name, summary: "x", options: z.strictObject({ speed: z.number() }), open: () => ({ needs: [], send: async () => ({}) }) });`,
    );
    const plugin = await load(`${folder}/plugin.ts`);
    assert.equal(plugin.definition.name, "own");
    assert.match(
      await refused(plugin({ sped: 1 }).open(context)),
      /unknown option "sped"; did you mean "speed"\?; there are: speed\n {2}speed must be given/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("loadPlugin() reports why a file cannot be loaded", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const said = async (source: string) => {
      const path = await Deno.makeTempFile({ dir: folder, suffix: ".ts" });
      await Deno.writeTextFile(path, source);
      return await refused(load(path));
    };
    assert.match(
      await refused(load("./none.ts")),
      /^\.\/none\.ts: file not found: .*none\.ts$/,
    );
    assert.match(await refused(load(folder)), /: must be a file$/);
    assert.match(
      await refused(load("file://host/share/x.ts")),
      /^file:\/\/host\/share\/x\.ts: cannot be read: /,
    );
    assert.match(
      await said("export default {"),
      /: import failed: /,
    );
    assert.match(
      await said(`throw new Error("no luck")`),
      /: import failed: no luck$/,
    );
    assert.match(
      await said(`import "./gone.ts"`),
      /: import failed: .*gone\.ts/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("loadPlugin() loads a plugin from a URL on loopback", async () => {
  for (
    const type of [
      "application/typescript",
      "text/plain",
      "application/octet-stream",
      "text/html",
    ]
  ) {
    await serving(() => code(ECHO, type), async (origin) => {
      const plugin = await load(`${origin}/mine.ts`);
      const backend = await plugin({ text: "hello" }).open(context);
      assert.equal(typeof backend.send, "function", type);
    });
  }
  const javascript = ECHO.replaceAll(
    /: (unknown|any\b|\{ text: string \})/g,
    "",
  )
    .replace(/import type.*\n/, "").replace(" as const", "");
  await serving(() => code(javascript, "text/javascript"), async (origin) => {
    assert.equal((await load(`${origin}/x`)).definition.name, "mine");
    assert.equal((await load(`${origin}/x.js?v=1`)).definition.name, "mine");
  });
});

Deno.test("loadPlugin() sees a plugin change between two loads", async () => {
  let name = "one";
  await serving(() => code(ECHO.replace("mine", name)), async (origin) => {
    assert.equal((await load(`${origin}/p.ts`)).definition.name, "one");
    name = "two";
    assert.equal((await load(`${origin}/p.ts`)).definition.name, "two");
  });
});

Deno.test("loadPlugin() checks the hash that a URL is pinned to", async () => {
  const digest = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(ECHO),
  );
  const hash = new Uint8Array(digest).toHex();
  await serving(
    ({ url }) => code(url.endsWith("/p.ts") ? ECHO : ""),
    async (origin) => {
      const url = `${origin}/p.ts`;
      assert.equal(
        (await load(`${url}#sha256=${hash}`)).definition.name,
        "mine",
      );
      assert.equal(
        (await load(`${url}#sha256=${hash.toUpperCase()}`)).definition.name,
        "mine",
      );
      const other = "0".repeat(64);
      assert.match(
        await refused(load(`${url}#sha256=${other}`)),
        new RegExp(
          `: SHA-256 must be the pinned ${other}, but was ${hash}$`,
        ),
      );
      for (const pin of ["#sha256=12", "#v1", "#sha512=00"]) {
        assert.match(
          await refused(load(url + pin)),
          /must be #sha256= and 64 hexadecimal digits, but was #/,
        );
      }
      assert.match(
        await refused(load(`${url}#sha256=12=primary`)),
        /but was #sha256=12=primary; a URL must be in quotes if a value follows it: "URL"=VALUE$/,
      );
    },
  );
});

Deno.test("loadPlugin() rejects a module from a URL that imports others, and names them", async () => {
  const source =
    `import { z } from "zod";\nimport "./b.ts";\nimport fs from "node:fs";\n${ECHO}`;
  await serving(() => code(source), async (origin) => {
    assert.equal(
      await refused(load(`${origin}/p.ts`)),
      `${origin}/p.ts: a plugin that is loaded by URL may import only types and node: modules, but imports "zod", "./b.ts"; bundle it first, with 'deno bundle plugin.ts -o plugin.js'`,
    );
  });
  await serving(
    () => code(`import fs from "node:fs";\n${ECHO}; fs.existsSync`),
    async (origin) => {
      assert.equal((await load(`${origin}/p.ts`)).definition.name, "mine");
    },
  );
});

Deno.test("loadPlugin() follows only redirects to safe URLs", async () => {
  const to = (location: string) =>
    new Response(null, { status: 302, headers: { location } });
  await serving((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/good") return to("/p.ts");
    if (pathname === "/loop") return to("/loop");
    if (pathname === "/bad") return to("http://example.org/p.ts");
    if (pathname === "/file") return to("file:///etc/passwd");
    if (pathname === "/odd") return to("http://[");
    return code(ECHO);
  }, async (origin) => {
    assert.equal((await load(`${origin}/good`)).definition.name, "mine");
    assert.match(
      await refused(load(`${origin}/loop`)),
      /: redirects more than 5 times$/,
    );
    assert.match(
      await refused(load(`${origin}/bad`)),
      /: redirects to http:\/\/example\.org\/p\.ts: code is loaded only over https/,
    );
    assert.match(await refused(load(`${origin}/file`)), /redirects to file:/);
    assert.match(
      await refused(load(`${origin}/odd`)),
      /redirects to an invalid URL/,
    );
  });
});

Deno.test("loadPlugin() rejects failed responses and content other than code", async () => {
  const page = "<!doctype html><p>Not here</p>";
  await serving((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/gone") return new Response("no", { status: 404 });
    if (pathname === "/page") return code(page, "text/html; charset=utf-8");
    if (pathname === "/plain-page") return code(page, "text/plain");
    if (pathname === "/empty") return code("");
    if (pathname === "/broken") return code("export default {");
    if (pathname === "/throws") return code(`throw new Error("no luck")`);
    return code("//" + "x".repeat(16 * 2 ** 20));
  }, async (origin) => {
    const said = (path: string) => refused(load(origin + path));
    assert.match(await said("/gone"), /the server answered 404 Not Found$/);
    assert.match(await said("/page"), /sent a web page, not code/);
    assert.match(await said("/plain-page"), /sent a web page, not code/);
    assert.match(await said("/empty"), /sent an empty body$/);
    assert.match(
      await said("/large"),
      /cannot be fetched: it must have at most 16777216 bytes, but has more$/,
    );
    assert.match(
      await said("/throws"),
      /: import failed: no luck$/,
    );
    const broken = await said("/broken");
    assert.match(broken, /: import failed: /);
    assert.ok(!broken.includes("base64") && broken.length < 500, broken);
  });
});

Deno.test("loadPlugin() gives up when a server does not answer, or stops in the middle", async () => {
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  await serving(async ({ url }) => {
    if (url.endsWith("/stalls")) {
      return new Response(
        new ReadableStream({
          start: (to) => to.enqueue(new TextEncoder().encode("//")),
          pull: () => over,
        }),
      );
    }
    await over;
    return code(ECHO);
  }, async (origin) => {
    const said = (path: string) =>
      refused(load(origin + path, { timeoutMs: 50 }));
    assert.match(await said("/silent"), /no complete answer within 0\.05 s$/);
    assert.match(await said("/stalls"), /no complete answer within 0\.05 s$/);
    end();
  });
  const closed = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = closed.addr;
  closed.close();
  assert.match(
    await refused(load(`http://127.0.0.1:${port}/p.ts`)),
    /: cannot be fetched: /,
  );
});

Deno.test("loadPlugin() shows no user, password or query of a URL in an error", async () => {
  const answers: readonly [string, () => Promise<Response>][] = [
    ["http", () => Promise.resolve(new Response("", { status: 404 }))],
    ["http", () => Promise.resolve(code("export default 1"))],
    [
      "http",
      () => Promise.resolve(code("throw new Error(import.meta.url)")),
    ],
    ["http", () => Promise.resolve(code(`import "zod";`))],
    ["ftp", () => Promise.reject(new Error("must not be asked"))],
    [
      "http",
      () =>
        Promise.reject(new TypeError("url (http://USR:PWD@localhost/?k=QQQ)")),
    ],
  ];
  for (const [scheme, fetch] of answers) {
    const url = `${scheme}://USR:PWD@localhost/p.js?k=QQQ`;
    const message = await refused(load(url, { fetch }));
    assert.match(message, /\/\/\*\*\*:\*\*\*@localhost\/p\.js\?k=\*\*\*/);
    assert.doesNotMatch(message, /USR|PWD|QQQ/);
  }
});

Deno.test("loadPlugin() loads no code over plain http from another machine", async () => {
  const fetch = () => Promise.reject(new Error("must not be asked"));
  for (
    const url of [
      "http://example.org/p.ts",
      "http://localhost.example.org/p.ts",
      "http://10.0.0.1/p.ts",
      "HTTP://example.org/p.ts",
    ]
  ) {
    assert.match(
      await refused(load(url, { fetch })),
      /code is loaded only over https:/,
      url,
    );
  }
  assert.match(
    await refused(load("https://", { fetch })),
    /is not a valid URL$/,
  );
  const asked: string[] = [];
  const spy = (input: URL | RequestInfo) => {
    asked.push(String(input));
    return Promise.resolve(code(ECHO));
  };
  for (
    const url of [
      "https://example.org/p.ts",
      "http://localhost:1/p.ts",
      "http://[::1]:1/p.ts",
      "http://127.8.9.1:1/p.ts",
    ]
  ) {
    await load(url, { fetch: spy });
  }
  assert.equal(asked.length, 4);
});

const good = {
  kind: "backend",
  apiVersion: 1,
  name: "mine",
  summary: "Mine",
  options: z.strictObject({}),
  open: () => ({ needs: [], send: () => Promise.resolve({}) }),
};
const made = defineBackend(good);

/** Returns the message of the usage error about a module. */
function said(module: Record<string, unknown>): string {
  try {
    pluginIn("backend", module, "./x.ts");
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error.message;
  }
  throw new Error("expected a usage error");
}

Deno.test("pluginIn() accepts a plugin and a plain definition", () => {
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

Deno.test("pluginIn() reports what a module exports in place of a plugin", () => {
  const dataset = defineDataset({
    name: "d",
    summary: "D",
    options: z.strictObject({}),
    open: () => ({ async *sessions() {} }),
  });
  const cases: [Record<string, unknown>, string][] = [
    [
      {},
      "the default export must be a backend, but the module exports nothing",
    ],
    [
      { a: 1, mine: made },
      "the default export must be a backend, but the module exports a, mine",
    ],
    [
      { default: 7 },
      "the default export must be a backend, but was a number",
    ],
    [
      { default: null },
      "the default export must be a backend, but was null",
    ],
    [
      { default: [made] },
      "the default export must be a backend, but was a list",
    ],
    [
      { default: function make() {} },
      `the default export must be a plugin from defineBackend, but was the function "make"`,
    ],
    [
      { default: class {} },
      `the default export must be a plugin from defineBackend, but was the function "default"`,
    ],
    [
      { default: made({}) },
      `the default export must be the plugin itself, but "mine" was already called with its options`,
    ],
    [{ default: dataset }, 'kind must be "backend", but was "dataset"'],
    [
      { default: { ...good, kind: "reporter" } },
      'kind must be "backend", but was "reporter"',
    ],
    [
      { default: { ...good, kind: "Backend" } },
      `kind must be "backend", but was "Backend"`,
    ],
    [
      { default: { ...good, apiVersion: 2 } },
      "apiVersion must be 1, the supported version of the plugin contract, but was 2",
    ],
    [
      { default: { ...good, name: "My Plugin" } },
      `name must be a name in kebab case, but was "My Plugin"`,
    ],
    [
      { default: { ...good, primary: 3 } },
      "primary must be the name of an option, but was 3",
    ],
    [
      { default: { ...good, options: {} } },
      "options must be a Standard Schema, such as one of zod, valibot or ArkType, but was an object",
    ],
    [
      { default: Object.assign(() => {}, { kind: "backend", definition: 1 }) },
      "definition must be an object, but was 1",
    ],
  ];
  for (const [module, rule] of cases) {
    assert.equal(said(module), `./x.ts: ${rule}`);
  }
});

Deno.test("pluginIn() lists every problem of a definition", () => {
  assert.equal(
    said({ default: {} }),
    `./x.ts:
  kind must be "backend", but is missing
  apiVersion must be 1, the supported version of the plugin contract, but is missing
  name must be a name in kebab case, but is missing
  summary must be one line of text, but is missing
  options must be a Standard Schema, such as one of zod, valibot or ArkType, but is missing
  open must be a function, but is missing`,
  );
});

Deno.test("pluginIn() accepts a load with its function profile", async () => {
  const load = {
    ...good,
    kind: "load",
    profile: () => function* () {},
  };
  const { open: _, ...plain } = load;
  for (const found of [plain, defineLoad(plain)]) {
    const plugin = pluginIn("load", { default: found }, "./x.ts");
    assert.equal(typeof await plugin({}).open(context), "function");
  }
  const { profile: __, ...rest } = load;
  assert.throws(
    () => pluginIn("load", { default: rest }, "./x.ts"),
    /^UsageError: \.\/x\.ts: profile must be a function, but is missing$/,
  );
});

Deno.test("isFile() distinguishes files from names and URLs", () => {
  for (const file of ["./a", "..\\a", "/a", "a.ts", "a.mjs", "file:///a"]) {
    assert.ok(isFile(file), file);
  }
  for (const other of ["chat", "https://x.org/a.ts", "npm:a", "a.json"]) {
    assert.ok(!isFile(other), other);
  }
});
