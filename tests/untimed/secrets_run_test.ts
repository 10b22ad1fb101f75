// A run neither prints nor writes a secret, or a value that looks like one.

import assert from "node:assert/strict";
import { earshot } from "../support/earshot.ts";
import { readReport, tempFolder } from "../support/files.ts";

const SECRET = "s3cr3t-9f8e7d";

Deno.test("a run hides keys in the body, users and queries of URLs, in every report, on the console and in check", async () => {
  const bodies: string[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const body = await request.text();
      bodies.push(body);
      // Some servers repeat the request in the message of an error.
      return new Response(`refused: ${body}`, { status: 400 });
    },
  );
  await using folder = await tempFolder();
  const backend = [
    "chat",
    ...["model=m", "healthPath=off", "stream=false", "tokenize=false"],
    ...[
      `body.api_key=${SECRET}`,
      `body.metadata={"auth":{"token":"${SECRET}"}}`,
    ],
  ].map((part) =>
    part.startsWith("body.metadata") ? part.replace("={", "='{") + "'" : part
  )
    .join(",");
  const to = [
    ...["--backend", backend, "--data", "repeat=hello"],
    ...[
      "--target",
      `http://me:${SECRET}@127.0.0.1:${server.addr.port}/?key=${SECRET}`,
    ],
  ];
  const ran = await earshot([
    "run",
    ...to,
    ...["--requests", "12", "--report", "json=a.json", "--report", "csv=a.csv"],
    ...["--report", "jsonl=a.jsonl", "--report", "csv=b.csv,rows=requests"],
  ], { cwd: folder.path });
  assert.equal(ran.code, 1, ran.stderr);
  assert.ok(bodies.every((body) => body.includes(SECRET)), "it is sent");
  const checked = await earshot(["check", ...to]);
  assert.match(checked.stdout, /"api_key":"\*\*\*"/);
  const texts = [ran.stdout, ran.stderr, checked.stdout, checked.stderr];
  for (const file of ["a.json", "a.csv", "a.jsonl", "b.csv"]) {
    texts.push(await Deno.readTextFile(folder.at(file)));
  }
  for (const text of texts) assert.ok(!text.includes(SECRET), text);
  const { with: options } =
    (await readReport(folder.path, "a.json")).run.config.backend;
  assert.deepEqual(options.body, {
    api_key: "***",
    metadata: { auth: { token: "***" } },
  });
});

Deno.test("an error message shows no secret from the command line", async () => {
  const target = ["--target", "http://127.0.0.1:9"];
  for (
    const args of [
      ["run", ...target, "--backend", `chat,body.api_key=${SECRET},`],
      ["run", ...target, "--backend", "chat,", `api_key=${SECRET}`],
      ["info", `chat,apiKey=${SECRET}`],
      ["info", `./chat.ts,apiKey=${SECRET}`],
      ["report", `token=${SECRET}`],
      ["run", ...target, "--backend", `chat,headers.Authorization=a,${SECRET}`],
      ["run", ...target, "--backend", `chat,headers.Authorization="${SECRET}`],
      ["run", ...target, "--backend", `chat,body='{"token":"${SECRET}`],
      ["run", "--backend", `chat=me:${SECRET}@host:1/?key=${SECRET}`],
      ["run", "--backend", `chat=htp://me:${SECRET}@host/?key=${SECRET}`],
      ["run", "--backend", `echo=http://me:${SECRET}@host/?key=${SECRET}`],
      [
        "run",
        "--backend",
        "echo",
        "--data",
        `https://me:${SECRET}@127.0.0.1:9/d.jsonl?sig=${SECRET}`,
      ],
      [
        "run",
        "--backend",
        "echo",
        "--data",
        `https://me:${SECRET}@127.0.0.1:9/d.js?sig=${SECRET}`,
      ],
      [
        "run",
        "--backend",
        "echo",
        "--data",
        `jsonl=s3://me:${SECRET}@b/d.jsonl?sig=${SECRET}`,
      ],
      ["run", "--backend", "echo", "--report", `json=https://h/?sig=${SECRET}`],
      ["info", `https://me:${SECRET}@127.0.0.1:9/d.js?sig=${SECRET}`],
      ["report", `https://me:${SECRET}@host/s.jsonl?sig=${SECRET}`],
    ]
  ) {
    const { code, stdout, stderr } = await earshot(args);
    assert.equal(code, 2, `${args.join(" ")}\n${stderr}`);
    assert.ok(!`${stdout}${stderr}`.includes(SECRET), stderr);
  }
});
