import assert from "node:assert/strict";
import {
  endpointOf,
  hidden,
  parseTarget,
  proxyFor,
  shownAddress,
} from "./endpoint.ts";

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
    assert.equal(endpoint.socket("/v1/realtime").href, socket);
    assert.equal(endpoint.http("/v1/models").href, models);
  });
}

Deno.test("endpointOf() takes another path as it is", () => {
  assert.equal(
    endpointOf("http://h/p", "/rt").socket("/rt").href,
    "ws://h/p/rt",
  );
  assert.equal(
    endpointOf("http://h/p/rt", "/rt").socket("/rt").href,
    "ws://h/p/rt",
  );
});

Deno.test("endpointOf() shows an address without user, password and query", () => {
  const endpoint = endpointOf(
    "https://me:p%40ss@h/x?key=secret",
    "/v1/realtime",
  );
  assert.equal(
    shownAddress(endpoint.socket("/v1/realtime")),
    "wss://h/x/v1/realtime",
  );
  assert.equal(
    endpoint.socket("/v1/realtime").href,
    "wss://h/x/v1/realtime?key=secret",
  );
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

Deno.test("hidden() hides user, password and query, also in invalid URLs", () => {
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

const env = (given: Record<string, string>) => (name: string) => given[name];

const PROXIES: readonly (readonly [
  what: string,
  url: string,
  given: Record<string, string>,
  proxy: string | undefined,
])[] = [
  ["no variable", "http://h/", {}, undefined],
  ["HTTP_PROXY", "http://h/", { HTTP_PROXY: "http://p:1" }, "http://p:1/"],
  ["lower case first", "http://h/", {
    HTTP_PROXY: "http://p:1",
    http_proxy: "http://q:2",
  }, "http://q:2/"],
  [
    "HTTP_PROXY for https",
    "https://h/",
    { HTTP_PROXY: "http://p:1" },
    undefined,
  ],
  ["HTTPS_PROXY", "https://h/", { HTTPS_PROXY: "http://p:1" }, "http://p:1/"],
  ["https_proxy", "https://h/", { https_proxy: "https://p:1" }, "https://p:1/"],
  ["no scheme", "http://h/", { HTTP_PROXY: "p:1" }, "http://p:1/"],
  ["an empty variable", "http://h/", { http_proxy: "" }, undefined],
];

for (const [what, url, given, proxy] of PROXIES) {
  Deno.test(`proxyFor() goes by ${what}`, () => {
    assert.equal(proxyFor(new URL(url), env(given))?.url.href, proxy);
  });
}

const EXEMPT:
  readonly (readonly [list: string, url: string, isExempt: boolean])[] = [
    ["*", "http://h/", true],
    ["h", "http://h/", true],
    ["H", "http://h/", true],
    ["h", "http://hh/", false],
    ["a, b c", "http://c/", true],
    ["example.org", "http://x.example.org/", true],
    [".example.org", "http://x.example.org/", true],
    ["*.example.org", "http://x.example.org/", true],
    ["example.org", "http://badexample.org/", false],
    ["h:80", "http://h/", true],
    ["h:8000", "http://h:8000/", true],
    ["h:8000", "http://h/", false],
    ["10.0.0.7", "http://10.0.0.7:8000/", true],
    ["fd00::1", "http://[fd00::1]:8000/", true],
    ["[fd00::1]:8000", "http://[fd00::1]:8000/", true],
    ["[fd00::1]:8001", "http://[fd00::1]:8000/", false],
    ["", "http://h/", false],
  ];

for (const [list, url, isExempt] of EXEMPT) {
  Deno.test(`proxyFor() with NO_PROXY=${list} ${isExempt ? "goes straight" : "goes by the proxy"} to ${url}`, () => {
    for (const name of ["NO_PROXY", "no_proxy"]) {
      const given = { HTTP_PROXY: "http://p", [name]: list };
      assert.equal(proxyFor(new URL(url), env(given)) === undefined, isExempt);
    }
  });
}

Deno.test("proxyFor() goes straight to this machine, and by the proxy to names that look like it", () => {
  const hosts: readonly (readonly [host: string, isOwn: boolean])[] = [
    ["localhost", true],
    ["LOCALHOST.", true],
    ["api.localhost", true],
    ["127.0.0.1", true],
    ["127.8.9.10", true],
    ["127.1", true],
    ["[::1]", true],
    ["[0:0:0:0:0:0:0:1]", true],
    ["mylocalhost", false],
    ["localhost.example", false],
    ["127.0.0.1.example", false],
    ["128.0.0.1", false],
    ["[::2]", false],
  ];
  for (const [host, isOwn] of hosts) {
    for (const scheme of ["http", "https"]) {
      const url = new URL(`${scheme}://${host}:8000/`);
      const proxy = proxyFor(
        url,
        env({ HTTP_PROXY: "p:1", HTTPS_PROXY: "p:1" }),
      );
      assert.equal(proxy === undefined, isOwn, url.href);
    }
  }
});

Deno.test("proxyFor() takes user and password out of the URL", () => {
  const given = env({ HTTP_PROXY: "http://me:s%3Acret@p:1" });
  const proxy = proxyFor(new URL("http://h/"), given)!;
  assert.equal(proxy.url.href, "http://p:1/");
  assert.equal(proxy.variable, "HTTP_PROXY");
  assert.equal(proxy.authorization, `Basic ${btoa("me:s:cret")}`);
});

Deno.test("proxyFor() rejects an invalid proxy URL, and does not show it", () => {
  for (
    const value of ["socks5://me:s3cret@p", "http://", "http://me:s3cret@"]
  ) {
    for (const name of ["HTTP_PROXY", "http_proxy"]) {
      assert.throws(
        () => proxyFor(new URL("http://h/"), env({ [name]: value })),
        {
          name: "UsageError",
          message:
            `${name} must be an http or https URL (NO_PROXY lists hosts to connect to directly)`,
        },
      );
    }
  }
});
