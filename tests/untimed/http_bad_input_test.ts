// Unusable input of HTTP backends is reported in one message, before any load is offered.

import assert from "node:assert/strict";
import { parquetOf } from "../support/parquet.ts";
import { fakeHub } from "../support/fake_hub.ts";
import { startServer } from "../../server/mod.ts";
import { testCa, testTls } from "../support/certificate.ts";
import { speechFiles, tempFolder } from "../support/files.ts";
import { type Case, refuseAll } from "../support/refused.ts";

/** A target without a server: no rejected run ever connects. */
const NOWHERE = "http://127.0.0.1:9";

/** A run that is rejected because of its backend. */
function to(backend: string, ...says: Case["says"]): Case {
  return { args: ["run", "--target", NOWHERE, "--backend", backend], says };
}

Deno.test("earshot rejects options of every HTTP backend, all of them at once", async () => {
  const odd = "headersTimoutMs=5,reuse=maybe,path=x?y,requestTimeoutMs=0s";
  const all: Case["says"] = [
    'unknown option "headersTimoutMs"; did you mean "headersTimeoutMs"?',
    "reuse must be true or false, but was maybe",
    'path must begin with / and have no query, but was "x?***"',
    /requestTimeoutMs must be between 1 ms and 24 h, or off, but was 0$/m,
  ];
  const strem = 'unknown option "strem"; did you mean "stream"?';
  await refuseAll([
    to("complitions", 'backend "complitions"', 'did you mean "completions"?'),
    {
      args: ["run", "-t", NOWHERE, "-m", "a", "-b", "chat=ws://b,model=c"],
      says: [
        "target must be given once, but --target gives another value",
        "model must be given once, but --model gives another value",
      ],
    },
    to(
      `chat,strem=1,history=scriptd,audioAs=audio-url,imagesAs=uri,${odd}`,
      ...all,
      strem,
      "but was scriptd; did you mean scripted?",
      "but was audio-url; did you mean audio_url?",
      "but was uri; did you mean url?",
    ),
    to(
      `completions,strem=1,streamUsage=finl,ignoreEos=1,maxOutputTokens=0,${odd}`,
      ...all,
      strem,
      "but was finl; did you mean final?",
      "ignoreEos must be true or false, but was 1",
      "maxOutputTokens must be above 0, but was 0",
    ),
    to(
      `responses,strem=1,history=servr,maxOutputTokens=1.5,${odd}`,
      ...all,
      strem,
      "but was servr; did you mean server?",
      "maxOutputTokens must be a whole number, but was 1.5",
    ),
    to(
      `embeddings,encodingFormat=base46,dimensions=0,model=,tokenizer=,${odd}`,
      ...all,
      "but was base46; did you mean base64?",
      "dimensions must be above 0, but was 0",
      /model.* not be empty.* ""/,
      /tokenizer.* name a file.* ""/,
    ),
    to(
      `transcriptions,strem=1,responseFormat=jsn,audioFormat=wave,temperature=3,timestampGranularities=wrd,${odd}`,
      ...all,
      strem,
      "but was jsn; did you mean json?",
      "but was wave; did you mean wav?",
      /temperature.* 0 to 2.* 3/,
      "but was wrd; did you mean word?",
    ),
    to(
      `translations,strem=1,responseFormat=txt,sampleRateHz=10,healthPath=health,${odd}`,
      ...all,
      strem,
      "but was txt; did you mean text?",
      "sampleRateHz must be at least 1000",
      "10",
      /healthPath.* begin with \/, or be "off".* "health"/,
    ),
  ]);
});

Deno.test("earshot rejects options of HTTP backends that contradict each other", async () => {
  await refuseAll([
    to(
      "chat,historyReasoning=true,history=none,body.messages=x,clientCert=x",
      /historyReasoning:? must be false unless history is answers/,
      /body:? must not set messages, which the data provides/,
      /clientKey:? must be given, as clientCert and clientKey belong together/,
    ),
    to(
      "completions,stream=false,streamUsage=continuous,body.prompt=x",
      /streamUsage:? must be final or off unless the answer is streamed/,
      /body:? must not set prompt/,
    ),
    to(
      "responses,history=server,body.store=false,body.input=x",
      /history:? must not be server if body\.store is false/,
      /body:? must not set input/,
    ),
    to(
      "embeddings,body.input=x,headers.authorization=x,apiKeyEnv=HOME",
      /body:? must not set input/,
      /apiKeyEnv.* headers contain an Authorization already/,
    ),
    to(
      "transcriptions,responseFormat=srt,sampleRateHz=8000,body.file=x",
      /responseFormat:? must be json, text or diarized_json .*\(stream=false allows all\)/,
      /sampleRateHz:? must not be set unless audioFormat is wav/,
      /body:? must not set file/,
    ),
    to(
      "translations,responseFormat=vtt,body.stream=true",
      /responseFormat:? must be json, text/,
      /body:? must not set stream/,
    ),
  ]);
});

Deno.test("earshot rejects targets, keys, certificates and tokenizers of HTTP backends", async () => {
  await using folder = await tempFolder({
    "bad.pem": "-----BEGIN CERTIFICATE-----\nnope\n-----END CERTIFICATE-----\n",
    "ca.pem": testCa,
    "key.pem": testTls.key,
    "none.json": "{}",
    "text.json": "no JSON",
    "empty/readme.txt": "",
  });
  const url = "an http, https, ws or wss URL";
  await refuseAll([
    {
      args: ["run", "--backend", "chat,strem=1"],
      says: ['unknown option "strem"'],
    },
    {
      args: ["check", "--backend", "chat,strem=1"],
      says: ['unknown option "strem"'],
    },
    ...["not a url", "ftp://host", "127.0.0.1:8000"].map((target) => ({
      args: ["run", "--backend", "embeddings", "--target", target],
      says: ["target", url, `"${target}"`],
    })),
    to(
      "responses,apiKeyEnv=EARSHOT_UNSET_KEY",
      /apiKeyEnv: .* must be set: EARSHOT_UNSET_KEY/,
    ),
    {
      ...to("chat,apiKeyEnv=EARSHOT_KEY", "one line of text", "EARSHOT_KEY"),
      options: { cwd: folder.path, env: { EARSHOT_KEY: "two\nlines" } },
    },
    to(
      'chat,headers={"a b":"x"}',
      'headers: "a b" must be a valid HTTP name and value',
    ),
    ...["Content-Type", "te"].map((name) =>
      to(`chat,headers.${name}=x`, `headers: ${name} must not be given, as it`)
    ),
    to("chat,headers=secret", "headers", "but was a text of 6 characters"),
    to("completions,caCert=gone.pem", "caCert", "a PEM file", "gone.pem"),
    to("translations,caCert=bad.pem", "caCert", "a certificate", "bad.pem"),
    to(
      "transcriptions,clientCert=ca.pem,clientKey=ca.pem",
      "clientKey",
      "a private key",
      "ca.pem",
    ),
    ...["gone.json", "none.json", "text.json", "empty"].map((file) =>
      to(`chat,tokenizer=${file}`, file, /tokenizer|JSON/)
    ),
  ], { cwd: folder.path });
});

Deno.test("run rejects data that an HTTP backend cannot send, before it offers load", async () => {
  const speech = await speechFiles(["short", "numbers", "names", "long"]);
  const wav = bytesIn(speech, "short.wav");
  const parquet = parquetOf([{ name: "prompt", data: ["a", "b", "c"] }]);
  await using folder = await tempFolder({
    "nothing.json": "",
    "blank.txt": "\n \n",
    "cut.json": '[{"prompt":"a"},{"prom',
    "line.jsonl": '{"prompt":\n{"prompt":\n',
    "numbers.json": "[1,2,3]",
    "list.json": '[{"prompt":"a"}]',
    "header.csv": "prompt,answer\n",
    "headless.csv": "hello there,how are you\nfine,thanks\n",
    "cut.parquet": half(new Uint8Array(parquet)),
    "odd.jsonl": '{"messages":"hi"}\n',
    "p.jsonl": '{"prompt":"a"}\n',
    "q.jsonl": '{"prompt":"b"}\n',
    "a.jsonl": '{"audio":"short.wav"}\n',
    "short.wav": wav,
    "cut.wav": half(wav),
    "cut.mp3": half(bytesIn(speech, "numbers.mp3")),
    "cut.flac": half(bytesIn(speech, "names.flac")),
    "cut.opus": half(bytesIn(speech, "long.opus")),
    "cut.jsonl": '{"audio":"cut.wav"}\n',
    "picture.jsonl": '{"prompt":"look","image":"text.png"}\n',
    "text.png": "no picture",
    "who.json": '[{"conversations":[{"from":"humn","value":"x"}]}]',
    "talk.json":
      '[{"conversations":[{"from":"human","value":"x"},{"from":"gpt","value":"y"}]}]',
    "none.json": "{}",
  });
  await using server = await startServer();
  const data = (
    backend: string,
    data: string,
    ...says: Case["says"]
  ): Case => ({
    args: [
      ...["run", "--backend", backend, "--target", server.url],
      ...["--data", data, "--requests", "3"],
    ],
    says,
  });
  const chat = (each: string, ...says: Case["says"]) =>
    data("chat", each, ...says);
  await refuseAll([
    chat("gone.json", "cannot read gone.json: no such file or directory"),
    chat("nothing.json", "nothing.json: the file has no records"),
    chat("blank.txt", "blank.txt: the file has no records"),
    chat("cut.json", "cut.json: the file must be JSON in UTF-8"),
    chat("line.jsonl", "line.jsonl:1", "must be JSON"),
    chat(
      "numbers.json",
      "numbers.json#1",
      "a JSON object, but was a number",
    ),
    chat(
      "text=list.json,rows=x",
      "list.json: ",
      "with 'rows', but was an array",
    ),
    chat("header.csv", "header.csv", "no records below its header"),
    chat("headless.csv", "a prompt", '"hello there", "how are you"'),
    chat("cut.parquet", "cut.parquet", "Parquet", "was it cut short?"),
    chat("odd.jsonl", '"messages"', 'cannot be sent: the first is "hi"'),
    chat("text=short.wav", "'format'", "short.wav"),
    chat(
      "text=p.jsonl,columns.text=prmpt",
      'columns.text: unknown column "prmpt"',
      'did you mean "prompt"?',
    ),
    chat(
      "jsonl=p.jsonl,columns.txt=x,shufle=true,limit=0",
      'unknown option "columns.txt"; did you mean "text"?',
      'unknown option "shufle"; did you mean "shuffle"?',
      "limit must be above 0, but was 0",
    ),
    chat("text=p.jsonl,format=jsnl", "did you mean jsonl?", "jsnl"),
    chat("csv=p.jsonl", "p.jsonl:1", "a quote must begin its cell"),
    chat(
      "picture.jsonl",
      "picture.jsonl:1",
      "an image must be PNG",
      '"no picture"',
    ),
    chat("cut.jsonl", "cut.jsonl:1: ", "cut.wav", "truncated"),
    data("embeddings", "a.jsonl", 'no column "text" or "texts"', "are: audio"),
    data(
      "completions",
      "clips,limit=1",
      'no column "text"',
      "audio, reference",
    ),
    data("transcriptions", "p.jsonl", 'no column "audio"', "are: text"),
    data("transcriptions", "cut.mp3", "cut.mp3", "truncated"),
    data("transcriptions", "cut.flac", "cut.flac", "truncated"),
    data("translations", "cut.opus", "cut.opus", "truncated"),
    data(
      "translations",
      "synthetic",
      "0, 1, 2 and 17 more: ",
      'no column "audio"',
    ),
    data("responses,ignoreEos=true", "p.jsonl", "maxOutputTokens"),
    chat("sharegpt=p.jsonl", '"conversations"', '"prompt"'),
    chat("sharegpt=who.json", "who.json#1", "message 1", '"humn"', "human"),
    chat("sharegpt=talk.json,minTurns=2", "none has an answer", "minTurns=2"),
    chat(
      "sharegpt=talk.json,minTurns=3,maxTurns=2",
      "minTurns must be at most maxTurns, which is 2",
      "3",
    ),
    chat(
      "sharegpt=talk.json,outputLength=recorde,maxTurn=2",
      "but was recorde; did you mean recorded?",
      'unknown option "maxTurn"; did you mean "maxTurns"?',
    ),
    chat("sharegpt=talk.json,tokenizer=none.json", "none.json"),
  ], { cwd: folder.path });
  assert.deepEqual(server.log(), [], "load was offered");
});

Deno.test("run rejects unusable synthetic data, Hugging Face data and combined data", async () => {
  await using folder = await tempFolder({
    "p.jsonl": '{"prompt":"a"}\n',
    "q.jsonl": '{"prompt":"b"}\n',
    "none.json": "{}",
  });
  await using hub = fakeHub({
    "o/talk": {
      revisions: { main: { files: { "data/test.jsonl": '{"prompt":"a"}\n' } } },
    },
  });
  const data = (each: string, ...says: Case["says"]): Case => ({
    args: ["run", "--backend", "chat", "--target", NOWHERE, "--data", each],
    says,
  });
  const forms = "MIN..MAX, normal:MEAN:STDEV";
  await refuseAll([
    data(
      "synthetic,inputTokens=norml:5:2,outputTokens=9..3,turns=0,imageWidth=x,inputTokns=5",
      forms,
      "norml:5:2",
      "outputTokens.min must be at most max, which is 3",
      "9",
      "turns must be at least 1",
      "0",
      "imageWidth must be a whole number, but was x",
      'unknown option "inputTokns"; did you mean "inputTokens"?',
    ),
    data(
      "synthetic,inputTokens=normal:10:2:100..120,outputTokens.mean=5,outputTokens.sdev=2,thinkMs=-1,audioSeconds=0",
      "inputTokens.mean must be between 100 and 120",
      "10",
      'unknown option "outputTokens.sdev"; did you mean "stdev"?',
      "thinkMs must be at least 0",
      "-1",
      "audioSeconds must be at least 0.001",
      "0",
    ),
    data("synthetic,inputTokens=lognormal:512:x", forms, "lognormal:512:x"),
    data("synthetic,tokenizer=none.json", "none.json"),
    data("synthetic,tokenizer=gone.json", "the tokenizer", "gone.json"),
    data("synthetic", "without end needs a duration or a number of requests"),
    data("huggingface", "dataset must be given"),
    data("huggingface=a/b/c", "dataset", "as owner/name", '"a/b/c"'),
    data("huggingface=o/talk,splt=x", '"splt"', 'did you mean "split"?'),
    data("huggingface=o/talk,split=tst", "split: unknown split", "tst"),
    data("huggingface=o/tlk", '"o/tlk"; did you mean "o/talk"?'),
    data(
      "huggingface=o/talk,tokenEnv=EARSHOT_UNSET_KEY",
      "tokenEnv: ",
      "EARSHOT_UNSET_KEY must be set",
    ),
    {
      args: together("p.jsonl", "q.jsonl"),
      says: [
        '"text" is in jsonl (p.jsonl) and in jsonl (q.jsonl)',
        "'columns.text'",
      ],
    },
    {
      args: together("p.jsonl", "gone.csv"),
      says: ["cannot read gone.csv: no such file or directory"],
    },
    {
      args: together("p.jsonl", "clipz", "synthetic,count=0"),
      says: [
        "2 problems:",
        'did you mean "clips"?',
        "count must be above 0",
      ],
    },
  ], {
    cwd: folder.path,
    env: { HF_ENDPOINT: hub.endpoint, HF_HOME: folder.at("home") },
  });
});

Deno.test("serve rejects unknown settings and faults", async () => {
  const serve = (
    option: string,
    value: string,
    ...says: Case["says"]
  ): Case => ({
    args: ["serve", "--port", "0", `--${option}`, value],
    says,
  });
  await refuseAll([
    serve("set", "ttftms=1", 'did you mean "ttftMs"?'),
    serve(
      "set",
      "itlMs=soon",
      "--set: itlMs must be a number of at least 0, but was soon",
    ),
    serve("set", "dialect=opena", "vllm or openai", 'did you mean "openai"?'),
    serve("set", "wordErrorRate=2", "a number between 0 and 1"),
    serve("set", "done=maybe", "done must be true or false"),
    serve("fault", "halff@events:1", "--fault: ", 'did you mean "half"?'),
    serve("fault", "drop@evnts:1", 'did you mean "events:1"?'),
    serve("fault", "json@done", "POINT of json must be accept"),
    serve("fault", "status=999,x@accept", "status"),
    serve("fault", "drop@accept~2", "SHARE must be a number from 0 to 1"),
  ]);
});

/** A run of chats with several datasets. */
function together(...each: string[]): string[] {
  return [
    ...["run", "--backend", "chat", "--target", NOWHERE],
    ...each.flatMap((data) => ["--data", data]),
  ];
}

function bytesIn(
  files: Readonly<Record<string, Uint8Array | string>>,
  name: string,
): Uint8Array {
  const bytes = files[name];
  assert.ok(bytes instanceof Uint8Array, name);
  return bytes;
}

function half(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, bytes.length >> 1);
}
