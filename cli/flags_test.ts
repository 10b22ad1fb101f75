import assert from "node:assert/strict";
import { explainForeignLoad } from "./flags.ts";
import { programOf } from "./main.ts";

/** Returns the error of a command line. */
async function refusal(...args: string[]): Promise<string> {
  let said = "";
  const program = programOf(() => {}, args);
  for (const command of [program, ...program.commands]) {
    command.configureOutput({ writeErr: (text) => void (said += text) });
    command.exitOverride();
  }
  await assert.rejects(
    program.parseAsync(args, { from: "user" }),
    (error: Error) => {
      said ||= error.message;
      return true;
    },
  );
  return said.trim();
}

Deno.test("an option of another tool is answered with the one of earshot", async () => {
  const cases = {
    "--concurrency 8": "--concurrency: unknown option; use --load concurrent=N",
    "--max-concurrency=8":
      "--max-concurrency: unknown option; use --load concurrent=N",
    "--max_concurrency 8":
      "--max_concurrency: unknown option; use --load concurrent=N",
    "-c 8": "-c: unknown option; use --load concurrent=N",
    "-c8": "-c8: unknown option; use --load concurrent=N",
    "--rate 5":
      "--rate: unknown option; use --load poisson=RATE or --load constant=RATE",
    "--qps 5":
      "--qps: unknown option; use --load poisson=RATE or --load constant=RATE",
    "--num-prompts 5": "--num-prompts: unknown option; use --requests N",
    "-n 5": "-n: unknown option; use --requests N",
    "--max-seconds 5": "--max-seconds: unknown option; use --duration TIME",
    "--base-url x": "--base-url: unknown option; use --target URL",
    "--api-key SECRET":
      "--api-key: unknown option; use --backend NAME,apiKeyEnv=VARIABLE",
    "--max-tokens 5":
      "--max-tokens: unknown option; use --backend NAME,maxOutputTokens=N",
  };
  for (const [args, said] of Object.entries(cases)) {
    assert.equal(
      await refusal("run", ...args.split(" ")),
      `earshot: ${said}`,
      args,
    );
  }
});

Deno.test("a hint names only what the command has, and options before a command say where they belong", async () => {
  assert.match(
    await refusal("check", "--rate", "5"),
    /^earshot: unknown option '--rate'/,
  );
  assert.match(await refusal("check", "--url", "x"), /use --target URL$/);
  assert.match(
    await refusal("serve", "--qps", "5"),
    /^earshot: unknown option '--qps'/,
  );
  assert.match(
    await refusal("run", "--nothing-like-it"),
    /^earshot: unknown option '--nothing-like-it'/,
  );
  assert.equal(
    await refusal("--target", "http://x"),
    "earshot: --target: unknown option; options follow the command: earshot run --target",
  );
  assert.match(await refusal("--concurrency", "5"), /use --load concurrent=N$/);
});

Deno.test("every hint names options that run has", async () => {
  const source = await Deno.readTextFile(
    new URL("flags.ts", import.meta.url),
  );
  const run = programOf(() => {}).commands.find((each) =>
    each.name() === "run"
  )!;
  const known = new Set(run.options.map(({ long }) => long));
  const uses = [...source.matchAll(/"(--[a-z-]+) [A-Za-z]+[=,A-Z]/g)].map((
    [, use],
  ) => use!);
  assert.ok(uses.length > 10);
  for (const use of uses) assert.ok(known.has(use), use);
});

Deno.test("every option that takes one value is refused where it is given again with another", async () => {
  for (const command of programOf(() => {}).commands) {
    const single = command.options.filter(({ required, parseArg }) =>
      required && !parseArg
    );
    for (const { long } of single) {
      assert.match(
        await refusal(command.name(), long!, "a", long!, "b"),
        new RegExp(
          `^${long}: must be given once, but was given as "a" and as "b"; `,
        ),
        command.name(),
      );
    }
  }
  const gathering = programOf(() => {}).commands.flatMap(({ options }) =>
    options.filter(({ required, parseArg }) => required && parseArg)
  );
  assert.deepEqual(
    [...new Set(gathering.map(({ long }) => long))].toSorted(),
    [
      "--data",
      "--fault",
      "--load",
      "--report",
      "--set",
      "--slo",
      "--stop",
      "--stop-run",
    ],
    "the others gather what they are given",
  );
});

Deno.test("an unknown option is shown without its value", async () => {
  assert.equal(
    await refusal("run", "--apikey='SECRET'"),
    "earshot: unknown option '--apikey'",
  );
});

Deno.test("what commander refuses is shown without secrets, and cannot steer a terminal", async () => {
  const cases: readonly (readonly [args: string[], shown: string])[] = [
    [["run", "api_key=SECRET"], ": api_key=***."],
    [["run", "http://u:SECRET@h/x?key=SECRET"], "http://***:***@h/x?key=***."],
    [["run", "--foo=SECRET"], "unknown option '--foo'"],
    [["run", "--foo\x1b[31m"], "'--foo\\x1b[31m'"],
    [["run", "-c\x1b[31m"], "-c\\x1b[31m: unknown option"],
    [["token=SECRET"], "unknown command 'token=***'"],
    [["ru\x1b[31mn"], "unknown command 'ru\\x1b[31mn'"],
  ];
  for (const [args, shown] of cases) {
    const said = await refusal(...args);
    assert.ok(said.includes(shown), said);
    // deno-lint-ignore no-control-regex -- this is what it is about
    assert.doesNotMatch(said, /SECRET|\x1b/);
  }
});

Deno.test("an option given twice is shown without its secrets", async () => {
  assert.equal(
    await refusal(
      ...["run", "--target", "http://u:SECRET@h/?key=SECRET"],
      ...["-t", "me:SECRET@h"],
    ),
    '--target: must be given once, but was given as "http://***:***@h/?key=***" and as "***@h"; give one of them',
  );
  assert.equal(
    await refusal(
      ...["run", "-b", "chat,body.api_key=SECRET"],
      ...["--backend", "chat,headers.Authorization=Bearer SECRET"],
    ),
    '--backend: must be given once, but was given as "chat,body.api_key=***" and as ' +
      '"chat,headers.Authorization=***"; give one of them',
  );
});

Deno.test("explainForeignLoad() gives the load that other tools name differently, or a name for a bare number", () => {
  const open = "poisson=RATE or constant=RATE starts RATE requests a second";
  const closed = "concurrent=N keeps N streams in flight";
  const hints: Record<string, string | undefined> = {
    8: `must name a load, but was "8"; use concurrent=8 for streams, or poisson=8 for requests a second`,
    "1,8":
      `must name a load, but was "1,8"; use concurrent=1,8 for streams, or poisson=1,8 for requests a second`,
    "2.5":
      `must name a load, but was "2.5"; use concurrent=2.5 for streams, or poisson=2.5 for requests a second`,
    "rate=5": `unknown load "rate"; ${open}`,
    qps: `unknown load "qps"; ${open}`,
    "rps=2,maxInFlight=8": `unknown load "rps"; ${open}`,
    "request-rate=2": `unknown load "request-rate"; ${open}`,
    async: `unknown load "async"; ${open}`,
    "Concurrency=8": `unknown load "Concurrency"; ${closed}`,
    "vus=8": `unknown load "vus"; ${closed}`,
    "streams=8": `unknown load "streams"; ${closed}`,
    synchronous:
      `unknown load "synchronous"; sync sends one request after another`,
    "timed_trace=t.jsonl":
      'unknown load "timed_trace"; replay=TRACE starts requests at recorded times',
    "concurrent=8": undefined,
    "users=8": undefined,
    throughput: undefined,
    "./qps.ts": undefined,
    poison: undefined,
  };
  for (const [text, hint] of Object.entries(hints)) {
    assert.equal(explainForeignLoad(text), hint, text);
  }
});
