import assert from "node:assert/strict";
import { catalogue } from "../catalogue.ts";
import { UsageError } from "../core/errors.ts";
import { type LoadOptions, loadPlugin, loadPlugins } from "./load.ts";
import type { Kind, OpenContext } from "./plugin.ts";

/** A whole backend as a stranger would write it: it imports nothing but a type. */
const ECHO = `
import type { Definition } from "https://example.org/earshot/plugin.ts";
const anything = {
  "~standard": { version: 1 as const, vendor: "none", validate: (value: unknown) => ({ value }) },
};
export default {
  kind: "backend",
  apiVersion: 1,
  name: "mine",
  summary: "Says what it is told to",
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

async function refused(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.message;
  }
  throw new Error("nothing was refused");
}

/** Serves what `answer` gives on loopback, for as long as `use` takes. */
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
      assert.ok(schema, `${name} tells its JSON Schema`);
      const known = Object.keys(schema.properties as object);
      assert.ok(primary === undefined || known.includes(primary), name);
    }
  }
});

const BACKENDS = Object.keys(catalogue.backend).join(", ");

Deno.test("loadPlugin() suggests the nearest name and lists all names", async () => {
  assert.equal(
    await refused(load("realtme")),
    `unknown backend "realtme"; did you mean "realtime"? there are: ${BACKENDS}; a file begins with ./ or ends in .ts or .js`,
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
    /^unknown plugin "posson"; did you mean "poisson"\? there are: chat, /,
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

Deno.test("loadPlugin() loads a file, wherever it is said to be", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/my plugin#1.ts`, ECHO);
    for (
      const [specifier, options] of [
        ["./my plugin#1.ts", { cwd: folder }],
        ["my plugin#1.ts", { cwd: folder }],
        [`${folder}/my plugin#1.ts`, {}],
        [`file://${folder}/my%20plugin%231.ts`, {}],
      ] as const
    ) {
      const plugin = await load(specifier, options);
      assert.equal(plugin.definition.name, "mine", specifier);
      const backend = await plugin({ text: "hi" }).open(context);
      assert.deepEqual(backend.needs, []);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("loadPlugin() lets a file import its own files, and those of the project", async () => {
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
      /sped: is no option; did you mean "speed"\? there are: speed\n {2}speed: must be given/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("loadPlugin() says what is wrong with a file", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const said = async (source: string) => {
      const path = await Deno.makeTempFile({ dir: folder, suffix: ".ts" });
      await Deno.writeTextFile(path, source);
      return await refused(load(path));
    };
    assert.match(
      await refused(load("./none.ts", { cwd: folder })),
      /as there is no file .*none\.ts$/,
    );
    assert.match(await refused(load(folder)), /must be a file$/);
    assert.match(
      await refused(load("file://host/share/x.ts")),
      /must be the URL of a file/,
    );
    assert.match(
      await said("export default {"),
      /failed when it was imported: /,
    );
    assert.match(
      await said(`throw new Error("no luck")`),
      /failed when it was imported: no luck$/,
    );
    assert.match(
      await said(`import "./gone.ts"`),
      /failed when it was imported: .*gone\.ts/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("loadPlugin() loads from a URL on loopback what takes part in a run", async () => {
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

Deno.test("loadPlugin() holds a URL to the hash it is pinned to", async () => {
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
          `its SHA-256 must be the pinned ${other}: current value is ${hash}$`,
        ),
      );
      for (const pin of ["#sha256=12", "#v1", "#sha512=00"]) {
        assert.match(
          await refused(load(url + pin)),
          /sha256= and 64 hexadecimal digits: current value is #/,
        );
      }
      assert.match(
        await refused(load(`${url}#sha256=12=primary`)),
        /current value is #sha256=12=primary; a URL with a value behind it must be in quotes: "URL"=VALUE$/,
      );
    },
  );
});

Deno.test("loadPlugin() refuses a URL's module with imports of its own, and names them", async () => {
  const source =
    `import { z } from "zod";\nimport "./b.ts";\nimport fs from "node:fs";\n${ECHO}`;
  await serving(() => code(source), async (origin) => {
    assert.equal(
      await refused(load(`${origin}/p.ts`)),
      `Cannot load a plugin from ${origin}/p.ts as a plugin that is loaded by URL must be one file, which imports nothing but types and node: modules: it imports "zod", "./b.ts"; bundle it first, with 'deno bundle plugin.ts -o plugin.js'`,
    );
  });
  await serving(
    () => code(`import fs from "node:fs";\n${ECHO}; fs.existsSync`),
    async (origin) => {
      assert.equal((await load(`${origin}/p.ts`)).definition.name, "mine");
    },
  );
});

Deno.test("loadPlugin() follows redirects that are safe, and no others", async () => {
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
      /redirected more than 5 times$/,
    );
    assert.match(
      await refused(load(`${origin}/bad`)),
      /redirected to http:\/\/example\.org\/p\.ts, and code is run only from https/,
    );
    assert.match(await refused(load(`${origin}/file`)), /redirected to file:/);
    assert.match(await refused(load(`${origin}/odd`)), /what is no URL/);
  });
});

Deno.test("loadPlugin() refuses what is not fetched in whole, and what is no code", async () => {
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
    assert.match(await said("/page"), /a web page was sent and not code/);
    assert.match(await said("/plain-page"), /a web page was sent and not code/);
    assert.match(await said("/empty"), /the server sent nothing$/);
    assert.match(await said("/large"), /at most 16 MiB$/);
    assert.match(
      await said("/throws"),
      /failed when it was imported: no luck$/,
    );
    const broken = await said("/broken");
    assert.match(broken, /failed when it was imported: /);
    assert.ok(!broken.includes("base64") && broken.length < 500, broken);
  });
});

Deno.test("loadPlugin() gives up a server that does not answer, or stops in the middle", async () => {
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
    assert.match(await said("/silent"), /must answer within 0\.05 s$/);
    assert.match(await said("/stalls"), /must answer within 0\.05 s$/);
    end();
  });
  const closed = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = closed.addr;
  closed.close();
  assert.match(
    await refused(load(`http://127.0.0.1:${port}/p.ts`)),
    /it cannot be fetched: /,
  );
});

Deno.test("loadPlugin() shows no user, password or query of a URL that it cannot load", async () => {
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

Deno.test("loadPlugin() runs no code from where others could change it on its way", async () => {
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
      /code is run only from https:/,
      url,
    );
  }
  assert.match(await refused(load("https://", { fetch })), /it must be a URL$/);
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
