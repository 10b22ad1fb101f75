import assert from "node:assert/strict";
import { earshot } from "./support/earshot.ts";
import { speechFiles, tempFolder } from "./support/files.ts";
import { QUICK, serve } from "./support/serve.ts";

Deno.test("check sends one request and shows the messages in both directions and the metrics", async () => {
  await using folder = await tempFolder(await speechFiles(["short"]));
  await using server = await serve(QUICK);
  const { code, stdout, stderr } = await earshot([
    "check",
    ...["--backend", "realtime,speed=0", "--target", server.url],
    ...["--data", folder.at("short.wav"), "--messages", "3"],
  ]);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  assert.match(
    stdout,
    /^dialect vllm · .* · item short\.wav \(2\.08 s of audio\)$/m,
  );
  assert.match(stdout, / ms ← \{"type":"session\.created"/);
  assert.match(
    stdout,
    / ms → \{"type":"session\.update","model":"earshot-reference"\}/,
  );
  assert.match(stdout, /^ +… \d+ more messages: see --messages$/m);
  assert.match(stdout, /^answer +Thank you, that was quick\.$/m);
  assert.match(stdout, /^reference +Thank you, that was quick\.$/m);
  assert.match(stdout, /^counts +21 chunks sent · \d+ deltas of output/m);
  assert.match(stdout, / [\d.]+ ms +finalization$/m);
  assert.ok(stdout.split("\n").every((line) => line.length < 400), "no media");
  const sessions = (await server.log()).filter(({ type }) =>
    type === "session.created"
  );
  assert.equal(sessions.length, 1);
});

Deno.test("check reports the error without control characters, and the answer so far, and exits with 1", async () => {
  await using folder = await tempFolder(await speechFiles(["short"]));
  await using server = await serve([
    ...QUICK,
    ...["--fault", "error=processing_error,\x1b[31moverloaded\x07@done"],
  ]);
  const { code, stdout } = await earshot([
    "check",
    ...["--backend", "realtime,speed=0,transport=ws", "--target", server.wsUrl],
    ...["--data", folder.path],
  ]);
  assert.equal(code, 1);
  assert.match(stdout, /^error: server_error: .*\\x1b\[31moverloaded\\x07$/m);
  assert.match(stdout, /^answer +Thank you, that was quick\.$/m);
  assert.match(stdout, /← \{"type":"error"/);
});

Deno.test("check shows the request and the answer of a chat, with shortened audio", async () => {
  await using folder = await tempFolder(await speechFiles(["short"]));
  await using server = await serve(QUICK);
  const { code, stdout, stderr } = await earshot([
    "check",
    ...["--backend", "chat,prompt=Transcribe,maxOutputTokens=3"],
    ...["--target", server.url, "--data", folder.at("short.wav")],
  ]);
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /^stream true · streamUsage final · history answers · .*\/v1\/chat\/completions/m,
  );
  assert.match(stdout, / ms · POST \/v1\/chat\/completions: \d{5} bytes of /);
  assert.match(
    stdout,
    / → \{"model":"earshot-reference","max_completion_tokens":3,"stream":true,/,
  );
  assert.match(stdout, / ← \{"id":"[^"]+","object":"chat\.completion\.chunk"/);
  assert.match(stdout, /"input_audio":\{"data":"UklG…\(\d{5} /);
  assert.match(stdout, / ← \[DONE\]$/m);
  assert.match(stdout, /^instants +connected .* · firstEvent /m);
  assert.match(stdout, / 3\.000 tokens +outputTokens$/m);
});

Deno.test("check shows the messages that a plugin traces, otherwise its recorded instants", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => new Response(`You said ${await request.text()}`),
  );
  const url = `http://127.0.0.1:${server.addr.port}/answer`;
  const example = await Deno.readTextFile(
    new URL("../examples/http_post_backend.ts", import.meta.url),
  );
  await using folder = await tempFolder({
    "traces.ts": example,
    "silent.ts": example.replaceAll(/^.*trace\?\.\(.*$/gm, ""),
  });
  const checked = async (file: string, ...more: string[]) =>
    (await earshot([
      "check",
      ...["--backend", `${folder.at(file)}=${url}`, "--data", "repeat=hello"],
      ...more,
    ])).stdout;
  const traced = await checked("traces.ts");
  assert.match(traced, / ms → hello$/m);
  assert.match(traced, / ms ← You said hello$/m);
  assert.doesNotMatch(traced, /bytes$/m, "nothing is shown twice");

  const silent = await checked("silent.ts");
  assert.match(silent, /^ +This backend traces no messages\. /m);
  assert.match(silent, / ms · headers$/m);
  assert.match(silent, /^counts .* · 14 bytes read$/m);
  assert.match(
    silent,
    / ms ← output \{"kind":"text","text":"You said hello"\}$/m,
  );
  assert.match(
    await checked("silent.ts", "--messages", "0"),
    /The recorded ones:\n +… 1 more messages: see --messages$/m,
  );
});
