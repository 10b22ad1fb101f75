import assert from "node:assert/strict";
import { endpointOf, hidden, parseTarget } from "./endpoint.ts";

// The path before the protocol and the query are kept.
const CASES: readonly [target: string, socket: string, models: string][] = [
  ["http://h:8000", "ws://h:8000/v1/realtime", "http://h:8000/v1/models"],
  ["http://h:8000/", "ws://h:8000/v1/realtime", "http://h:8000/v1/models"],
  ["https://h", "wss://h/v1/realtime", "https://h/v1/models"],
  ["ws://h", "ws://h/v1/realtime", "http://h/v1/models"],
  ["wss://h:444", "wss://h:444/v1/realtime", "https://h:444/v1/models"],
  ["http://h/v1", "ws://h/v1/realtime", "http://h/v1/models"],
  ["http://h/v1/", "ws://h/v1/realtime", "http://h/v1/models"],
  ["http://h/v1/realtime", "ws://h/v1/realtime", "http://h/v1/models"],
  ["http://h/a/b", "ws://h/a/b/v1/realtime", "http://h/a/b/v1/models"],
  ["http://h/a/b/v1", "ws://h/a/b/v1/realtime", "http://h/a/b/v1/models"],
  [
    "ws://h/a/v1/realtime?k=v",
    "ws://h/a/v1/realtime?k=v",
    "http://h/a/v1/models?k=v",
  ],
  [
    "http://h?k=v&x=%20",
    "ws://h/v1/realtime?k=v&x=%20",
    "http://h/v1/models?k=v&x=%20",
  ],
  [
    "http://[::1]:8000#part",
    "ws://[::1]:8000/v1/realtime",
    "http://[::1]:8000/v1/models",
  ],
];

for (const [target, socket, models] of CASES) {
  Deno.test(`endpointOf() finds ${socket} from ${target}`, () => {
    const endpoint = endpointOf(target, "/v1/realtime");
    assert.equal(endpoint.socketUrl.href, socket);
    assert.equal(endpoint.http("/v1/models").href, models);
  });
}

Deno.test("endpointOf() takes another path as it is", () => {
  assert.equal(endpointOf("http://h/p", "/rt").socketUrl.href, "ws://h/p/rt");
  assert.equal(
    endpointOf("http://h/p/rt", "/rt").socketUrl.href,
    "ws://h/p/rt",
  );
});

Deno.test("endpointOf() shows an address without user, password and query", () => {
  const endpoint = endpointOf(
    "https://me:p%40ss@h/x?key=secret",
    "/v1/realtime",
  );
  assert.equal(endpoint.shown, "wss://h/x/v1/realtime");
  assert.equal(endpoint.socketUrl.href, "wss://h/x/v1/realtime?key=secret");
  assert.equal(endpoint.authorization, `Basic ${btoa("me:p@ss")}`);
  assert.equal(
    endpointOf("http://me:100%@h", "/x").authorization,
    `Basic ${btoa("me:100%")}`,
  );
  assert.equal(endpointOf("http://h", "/v1/realtime").authorization, undefined);
});

Deno.test("parseTarget() takes http, https, ws and wss, and nothing else", () => {
  for (
    const target of [
      "",
      "h:8000",
      "localhost",
      "ftp://h",
      "/v1",
      "http://",
      "file:///x",
    ]
  ) {
    assert.equal(parseTarget(target), undefined, target);
  }
});

Deno.test("hidden() leaves nothing of a user, a password or a query, in whatever is no URL too", () => {
  const cases = [
    ["http://h:8000/x", "http://h:8000/x"],
    ["http://usr:PW@/?key=Q", "http://***@/?***"],
    ["ftp://usr:P/W@x@h:1/a?key=Q#x", "ftp://***@h:1/a?***"],
    ["usr:PW@h:8000", "***@h:8000"],
    ["h:8000?key=Q\nQ", "h:8000?***"],
    ["http://h#Q", "http://h?***"],
  ];
  for (const [target, shown] of cases) assert.equal(hidden(target!), shown);
});
