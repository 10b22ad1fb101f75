import assert from "node:assert/strict";
import {
  isSecretPath,
  redact,
  redactSpec,
  redactText,
  secretTexts,
} from "./redact.ts";

Deno.test("redact() hides headers and the secrets of URLs", () => {
  assert.deepEqual(
    redact({
      target: "https://me:pw@host:8000/a?key=SECRET&v=1",
      headers: { Authorization: "Bearer SECRET", "X-Team": "a" },
      list: ["ws://host/b?token=SECRET", "plain"],
      apiKeyEnv: "MY_KEY",
      speed: 1,
      deep: { Headers: { a: ["SECRET"] } },
    }),
    {
      target: "https://***:***@host:8000/a?key=***&v=***",
      headers: { Authorization: "***", "X-Team": "***" },
      list: ["ws://host/b?token=***", "plain"],
      apiKeyEnv: "MY_KEY",
      speed: 1,
      deep: { Headers: { a: ["***"] } },
    },
  );
});

Deno.test("redact() returns a value without secrets unchanged", () => {
  for (
    const value of [
      "http://127.0.0.1:8000",
      "./speech?x=1",
      "",
      0,
      null,
      undefined,
      true,
    ]
  ) {
    assert.equal(redact(value), value);
  }
});

Deno.test("redactText() hides the secrets of every URL in a text", () => {
  const cases = {
    "from http://u:p@h/d.js?key=Q: it fails":
      "from http://***:***@h/d.js?key=***: it fails",
    '"HTTPS://h/?k=Q", twice (http://h/?k=Q)':
      '"https://h/?k=***", twice (http://h/?k=***)',
    "http://u:p@[h/a?key=Q is malformed": "http://***@[h/a?*** is malformed",
    "see http://h/a, and ws://h/?a=Q": "see http://h/a, and ws://h/?a=***",
    "hf://u:p@h/d (s3://k:s@b/x?sig=Q)":
      "hf://***:***@h/d (s3://***:***@b/x?sig=***)",
  };
  for (const [text, shown] of Object.entries(cases)) {
    assert.equal(redactText(text), shown);
  }
});

Deno.test("isSecretPath() knows the names of secrets in every spelling, except counts of tokens", () => {
  const secret =
    "api_key apiKey X-Api-Key access_token authToken token TOKEN client.secret clientSecret password " +
    "db_passwd passphrase proxyPassword Authorization auth cookie Cookies credentials extra_headers.X key private-key";
  const open =
    "apiKeyEnv tokenizer tokenize max_tokens maxTokens inputTokens stop_token_ids maxTokensField clientKey " +
    "keyboard path prompt monkey author";
  for (const name of secret.split(" ")) {
    assert.ok(isSecretPath(name.split(".")), name);
  }
  for (const name of open.split(" ")) {
    assert.ok(!isSecretPath(name.split(".")), name);
  }
});

Deno.test("redact() hides values of secret keys at any depth, and the user of a URL without a scheme", () => {
  const options = {
    body: {
      api_key: "SECRET",
      max_tokens: 5,
      metadata: [{ auth: { token: "SECRET2", pin: [4711] } }],
      password: 12345,
    },
    target: "me:SECRET3@host:8000/a",
    prompt: "at 12:30 it is here",
  };
  assert.deepEqual(redact(options), {
    body: {
      api_key: "***",
      max_tokens: 5,
      metadata: [{ auth: { token: "***", pin: ["***"] } }],
      password: "***",
    },
    target: "***@host:8000/a",
    prompt: "at 12:30 it is here",
  });
  assert.deepEqual(secretTexts(options), [
    "SECRET",
    "SECRET2",
    "4711",
    "12345",
  ]);
});

Deno.test("redact() hides a query name without a value, which may be a secret itself", () => {
  assert.deepEqual(
    redact(["https://h/p?SECRET", "wss://h/?a=1&SECRET&b=2&a=3"]),
    ["https://h/p?***=***", "wss://h/?a=***&b=***&***=***"],
  );
});

Deno.test("redactSpec() hides values of secret keys in an argument of the command line", () => {
  const cases = {
    "chat,body.api_key=sk-1,x=": "chat,body.api_key=***,x=",
    'chat,body={"token":"S","a":1}': 'chat,body={"token":***,"a":1}',
    "chat,headers.Authorization=Bearer S,speed=1":
      "chat,headers.Authorization=***,speed=1",
    "chat=http://u:p@h/?k=v,model=m": "chat=http://***:***@h/?k=***,model=m",
    "chat=u:p@h,model=m": "chat=***@h,model=m",
    "concurrent=1,8": "concurrent=1,8",
  };
  for (const [text, shown] of Object.entries(cases)) {
    assert.equal(redactSpec(text), shown);
  }
});

Deno.test("redact() hides the fragment of a URL, but not the hash of a plugin", () => {
  const shown = {
    "http://h/a#FRAGMENT": "http://h/a#***",
    "http://h:x/a#FRAGMENT": "http://h:x/a#***",
    "https://h/p.js#sha256=ab12": "https://h/p.js#sha256=ab12",
  };
  for (const [url, hidden] of Object.entries(shown)) {
    assert.equal(redact(url), hidden);
    assert.equal(redact(hidden), hidden);
  }
});

Deno.test("redaction takes linear time for every text", () => {
  for (const piece of ["a", "a.", "a:", "a=", "a ", "http:", "://", "@", '"']) {
    const text = piece.repeat(200_000 / piece.length);
    redactText(text);
    redactSpec(text);
    redact({ text });
  }
});
