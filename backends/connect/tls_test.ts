import assert from "node:assert/strict";
import type { TlsOptions as ServerTls } from "node:tls";
import { asked, failureOf, open } from "../../tests/support/ask.ts";
import { type RawServer, rawServer } from "../../tests/support/raw_server.ts";
import { tinyProxy } from "../../tests/support/tiny_proxy.ts";
import { failureOf as failureIn } from "../../tests/support/realtime_test_case.ts";
import { transcribeOnce } from "../../tests/support/transcribe.ts";
import { probe } from "./probe.ts";

function fileOf(name: string): string {
  return new URL(`testdata/certificates/${name}`, import.meta.url).pathname;
}

const pem = (name: string) => Deno.readTextFileSync(fileOf(name));

/** The failure that a client gets: class, code and message. */
type FailureFields = readonly (string | undefined)[];

interface Asked {
  readonly server: RawServer;
  /** A name for the file of the authority to trust. */
  readonly ca: string | undefined;
  readonly insecure?: boolean;
}

/** Every way to a server; each opens connections. */
const WAYS: Readonly<Record<string, (asked: Asked) => Promise<FailureFields>>> =
  {
    async "a request"({ server, ca, insecure }) {
      const tls = tlsOf(ca, insecure);
      await using http = open({ tls });
      return failureOf(await asked(http, server.url));
    },
    async "a request over HTTP/2"({ server, ca, insecure }) {
      const tls = tlsOf(ca, insecure);
      await using http = open({ tls, http2: true });
      return failureOf(await asked(http, server.url));
    },
    async "a request through a proxy"({ server, ca, insecure }) {
      await using proxy = await tinyProxy();
      const tls = tlsOf(ca, insecure);
      // A name that is not this machine's, so that the proxy is used: none of the certificates has it.
      const url = new URL(server.url);
      url.hostname = "localhost.invalid";
      await using http = open({
        tls,
        env: (name) =>
          name === "HTTPS_PROXY" ? `http://127.0.0.1:${proxy.port}` : undefined,
      });
      const [kind, code, message] = failureOf(await asked(http, url));
      return [kind, code, message?.replace(/ through the proxy \S+:/, ":")];
    },
    async "a probe"({ server, ca, insecure }) {
      const tls = tlsOf(ca, insecure);
      const { signal } = new AbortController();
      const clean = (text: string) => text;
      const options = { headers: {}, tls, timeoutMs: 10_000, signal, clean };
      const reported = {
        class: undefined,
        code: undefined,
        message: undefined,
      };
      const { class: kind, code, message = "" } = await probe(
        server.url,
        options,
      ).then(() => reported, (error) => error);
      return [
        kind,
        code,
        message.replace(/^Cannot reach \S+/, "Cannot connect:"),
      ];
    },
    "the native transport": (asked) => transcribed(asked, "native"),
    "the ws transport": (asked) => transcribed(asked, "ws"),
  };

function tlsOf(ca: string | undefined, insecure = false) {
  return {
    ...(ca !== undefined && { ca: pem(ca) }),
    rejectUnauthorized: !insecure,
  };
}

async function transcribed(
  { server, ca, insecure = false }: Asked,
  transport: "native" | "ws",
): Promise<FailureFields> {
  const { class: kind, code, message } = failureIn(
    await transcribeOnce({
      target: server.url.origin,
      transport,
      insecure,
      ...(ca !== undefined && { caCert: fileOf(ca) }),
    }),
  );
  return [
    kind,
    code,
    message.replace("Cannot open a WebSocket:", "Cannot connect:"),
  ];
}

const TRUST =
  "(caCert names the certificates to trust, insecure=true accepts any)";

interface Wrong {
  readonly chain: readonly string[];
  readonly ca?: string;
  readonly code: string;
  readonly says: string;
}

const WRONG: Readonly<Record<string, Wrong>> = {
  "has expired": {
    chain: ["expired.pem"],
    ca: "ca.pem",
    code: "CERT_HAS_EXPIRED",
    says:
      "the server's certificate expired on 2021-01-01 (the server needs a new one, or this machine's clock is wrong; insecure=true accepts any)",
  },
  "has expired and is not trusted": {
    chain: ["expired.pem"],
    code: "CERT_HAS_EXPIRED",
    says:
      "the server's certificate expired on 2021-01-01 (the server needs a new one, or this machine's clock is wrong; insecure=true accepts any)",
  },
  "is not valid yet": {
    chain: ["future.pem"],
    ca: "ca.pem",
    code: "CERT_NOT_YET_VALID",
    says:
      "the server's certificate is not valid before 2120-01-01 (the server's or this machine's clock may be wrong; insecure=true accepts any)",
  },
  "has an issuer that has expired": {
    chain: ["issued.pem", "expired_issuer.pem"],
    ca: "ca.pem",
    code: "CERT_HAS_EXPIRED",
    says:
      'the certificate of its issuer "earshot test issuer" expired on 2021-01-01 (the server needs a new one, or this machine\'s clock is wrong; insecure=true accepts any)',
  },
  "is for another name": {
    chain: ["other_name.pem"],
    ca: "ca.pem",
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
    says:
      "the server's certificate is for example.org, 192.0.2.1, not for 127.0.0.1 (target must use a name of the certificate; insecure=true accepts any)",
  },
  "is self-signed": {
    chain: ["self_signed.pem"],
    ca: "ca.pem",
    code: "DEPTH_ZERO_SELF_SIGNED_CERT",
    says: `the server's certificate is self-signed ${TRUST}`,
  },
  "has an issuer that nobody knows": {
    chain: ["good.pem"],
    code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    says:
      `the issuer of the server's certificate is "earshot test root", whose certificate is neither trusted nor sent by the server ${TRUST}`,
  },
  "has a root that is not trusted": {
    chain: ["good.pem", "ca.pem"],
    code: "SELF_SIGNED_CERT_IN_CHAIN",
    says:
      `the issuer of the server's certificate is "earshot test root", which is not trusted ${TRUST}`,
  },
  "comes without its issuer's": {
    chain: ["issued.pem"],
    ca: "ca.pem",
    code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    says:
      `the issuer of the server's certificate is "earshot test issuer", whose certificate is neither trusted nor sent by the server ${TRUST}`,
  },
  "is not for servers": {
    chain: ["for_clients.pem"],
    ca: "ca.pem",
    code: "CERT_REJECTED",
    says:
      'the server\'s certificate is rejected, although its issuer "earshot test root" is trusted (it may not be for servers, or have an outdated form; insecure=true accepts any)',
  },
};

function serving(chain: readonly string[]): Promise<RawServer> {
  const tls: ServerTls = {
    cert: chain.map(pem).join(""),
    key: pem("server.key"),
    ALPNProtocols: ["http/1.1"],
  };
  return rawServer((peer) => peer.answer("{}"), { tls });
}

for (const [way, ask] of Object.entries(WAYS)) {
  for (const [what, { chain, ca, code, says }] of Object.entries(WRONG)) {
    // Names are checked against a target that only the proxy knows.
    if (way.includes("proxy") && code.includes("NAME")) continue;
    Deno.test(`${way} does not accept a certificate that ${what}, says so, and sends nothing`, async () => {
      await using server = await serving(chain);
      const [kind, seen, message] = await ask({ server, ca });
      assert.deepEqual([kind, seen], ["connect_error", code], message);
      assert.equal(message, `Cannot connect: ${code}: ${says}`);
      await server.until(() => server.open === 0);
      assert.ok(server.accepted <= 1);
      assert.deepEqual(server.peers, []);
    });
  }

  Deno.test(`${way} takes any certificate where it is asked to`, async () => {
    for (const { chain } of Object.values(WRONG)) {
      await using server = await serving(chain);
      await ask({ server, ca: undefined, insecure: true });
      assert.equal(server.peers.length, 1);
    }
  });

  for (
    const [what, chain, ca] of [
      ["of an issuer that is trusted", ["good.pem"], "ca.pem"],
      ["that comes with its issuer's", ["issued.pem", "issuer.pem"], "ca.pem"],
      ["that is trusted itself", ["self_signed.pem"], "self_signed.pem"],
    ] as const
  ) {
    if (way.includes("proxy")) continue;
    Deno.test(`${way} accepts a certificate ${what}`, async () => {
      await using server = await serving(chain);
      await ask({ server, ca });
      assert.equal(server.peers.length, 1);
    });
  }
}
