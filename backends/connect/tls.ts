import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { snippet } from "./server_text.ts";

/** How to trust and be trusted. */
export interface TlsOptions {
  /** Certificates to trust in place of the system's, in PEM. */
  readonly ca?: string;
  /** The client's certificate, in PEM. */
  readonly cert?: string;
  /** Its key, in PEM. */
  readonly key?: string;
  /** False takes any certificate. */
  readonly rejectUnauthorized: boolean;
}

/**
 * Why TLS does not accept a server's certificate; `undefined` where it does.
 *
 * Deno reports almost every reason as UNABLE_TO_VERIFY_LEAF_SIGNATURE, and once it has refused a handshake it no longer
 * has the certificate. So the handshake is allowed to end (`rejectUnauthorized: false`, which does not change how
 * anything is verified, nor that the server must hold the certificate's key), and the reason is read from the
 * certificates. The caller must destroy the socket where there is one, and send nothing before it has asked.
 */
export function certificateError(
  socket: TLSSocket,
  host: string,
): Error | undefined {
  if (socket.authorized) return undefined;
  const chain = [...chainOf(socket)];
  const code = codeOf(socket.authorizationError);
  const [reason, message] = code === WRONG_NAME
    ? [code, wrongName(chain, host)]
    : outOfDate(chain) ?? untrusted(code, chain);
  return Object.assign(new Error(message), { code: reason });
}

type Certificate = DetailedPeerCertificate;
type Reason = readonly [code: string, message: string];

const WRONG_NAME = "ERR_TLS_CERT_ALTNAME_INVALID";
const UNVERIFIED = "UNABLE_TO_VERIFY_LEAF_SIGNATURE";

/** The server's certificate and those of its issuers, as far as they are known: sent, or named by `caCert`. */
function* chainOf(socket: TLSSocket): Iterable<Certificate> {
  const seen = new Set<string>();
  let next: Certificate | undefined = socket.getPeerCertificate(true);
  while (next?.raw && !seen.has(next.fingerprint256)) {
    seen.add(next.fingerprint256);
    yield next;
    next = next.issuerCertificate;
  }
}

/** Node's types say an error, its documentation and Deno a text. */
function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code ?? error;
  return typeof code === "string" ? code : UNVERIFIED;
}

function wrongName(
  [{ subject, subjectaltname = "" } = NONE]: readonly Partial<Certificate>[],
  host: string,
): string {
  const names = subjectaltname.replaceAll(/\b(?:DNS|IP Address):/g, "") ||
    [subject?.CN].flat().join(", ");
  return `the server's certificate is for ${
    snippet(names) || "no name"
  }, not for ${host}`;
}

const NONE: Partial<Certificate> = {};

/** A certificate whose time is over, or has not come. Of a root that is trusted, nobody asks for the time. */
function outOfDate(chain: readonly Certificate[]): Reason | undefined {
  // deno-lint-ignore house/one-clock -- certificates are valid by the calendar
  const nowMs = new Date().getTime();
  for (const [i, certificate] of chain.entries()) {
    const { valid_from: from, valid_to: to } = certificate;
    if (i > 0 && isSelfSigned(certificate)) continue;
    const what = i === 0
      ? "the server's certificate"
      : `the certificate of its issuer ${nameIn(certificate.subject)}`;
    if (nowMs > Date.parse(to)) {
      return ["CERT_HAS_EXPIRED", `${what} expired on ${dayOf(to)}`];
    }
    if (nowMs < Date.parse(from)) {
      return [
        "CERT_NOT_YET_VALID",
        `${what} is not valid before ${dayOf(from)}`,
      ];
    }
  }
  return undefined;
}

function untrusted(code: string, chain: readonly Certificate[]): Reason {
  const [first] = chain;
  const last = chain.at(-1);
  if (!first || !last) {
    return [code, "the server's certificate is not accepted"];
  }
  if (isSelfSigned(first)) {
    return [
      "DEPTH_ZERO_SELF_SIGNED_CERT",
      "the server's certificate is self-signed",
    ];
  }
  if (!isSelfSigned(last)) {
    return [
      UNVERIFIED,
      `the server's certificate leads to the issuer ${
        nameIn(last.issuer)
      }, whose certificate is neither trusted nor sent by the server`,
    ];
  }
  if (code === "SELF_SIGNED_CERT_IN_CHAIN") {
    return [
      code,
      `the server's certificate leads to the issuer ${
        nameIn(last.issuer)
      }, which is not trusted`,
    ];
  }
  // Its issuer is known and can only come from those that are trusted.
  return [
    "CERT_REJECTED",
    `the server's certificate is not accepted, though its issuer ${
      nameIn(last.issuer)
    } is trusted`,
  ];
}

function isSelfSigned({ subject, issuer }: Certificate): boolean {
  return JSON.stringify(subject) === JSON.stringify(issuer);
}

function nameIn({ CN, O }: Certificate["subject"]): string {
  return JSON.stringify(
    snippet([CN ?? O ?? "without a name"].flat().join(", ")),
  );
}

/** `2021-01-01` of `Jan  1 00:00:00 2021 GMT`. */
function dayOf(time: string): string {
  return new Date(time).toISOString().slice(0, 10);
}
