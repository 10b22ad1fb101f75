import { X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { UsageError } from "../../plugins/mod.ts";
import type { TargetSettings } from "./options.ts";
import { snippet } from "./server_text.ts";

/** Certificates and keys of TLS connections. */
export interface TlsOptions {
  /** Certificates to trust instead of the system's, in PEM. */
  readonly ca?: string;
  /** The client's certificate, in PEM. */
  readonly cert?: string;
  /** The key of the client's certificate, in PEM. */
  readonly key?: string;
  /** Whether the server's certificate is verified. */
  readonly rejectUnauthorized: boolean;
}

/**
 * Reads the PEM files that the options name.
 *
 * @throws {UsageError} If a file cannot be read or does not contain a certificate or key.
 */
export async function tlsOf(
  { caCert, clientCert, clientKey, insecure }: TargetSettings,
): Promise<TlsOptions> {
  const [ca, cert, key] = await Promise.all([
    pemOf("caCert", caCert, "a certificate", hasCertificate),
    pemOf("clientCert", clientCert, "a certificate", hasCertificate),
    pemOf("clientKey", clientKey, "a private key", hasKey),
  ]);
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    rejectUnauthorized: !insecure,
  };
}

async function pemOf(
  option: string,
  path: string | undefined,
  content: string,
  isValid: (text: string) => boolean,
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const rule = `${option} must be a PEM file with ${content}, but was ${path}`;
  const text = await Deno.readTextFile(path).catch((cause) => {
    throw new UsageError(rule, { cause });
  });
  if (!isValid(text)) throw new UsageError(rule);
  return text;
}

const CERTIFICATE = "-----BEGIN CERTIFICATE-----";

/** Whether at least one certificate in a text can be parsed: TLS ignores the others. */
function hasCertificate(text: string): boolean {
  const [, ...blocks] = text.split(CERTIFICATE);
  return blocks.some((pem) => {
    try {
      return new X509Certificate(CERTIFICATE + pem).subject !== undefined;
    } catch {
      return false;
    }
  });
}

function hasKey(text: string): boolean {
  return /-----BEGIN ([A-Z]+ )*PRIVATE KEY-----/.test(text);
}

/**
 * The reason why TLS rejects a server's certificate; `undefined` if it is accepted.
 *
 * Deno reports almost every reason as UNABLE_TO_VERIFY_LEAF_SIGNATURE, and once it has rejected a handshake the
 * certificate is gone. So the handshake is allowed to end (`rejectUnauthorized: false`, which changes neither how
 * certificates are verified nor that the server must have the certificate's key), and the reason is read from the
 * certificates. If there is a reason, the caller must destroy the socket; it must send nothing before the check.
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

/** The server's certificate and those of its issuers that are known: sent by the server, or in `caCert`. */
function* chainOf(socket: TLSSocket): Iterable<Certificate> {
  const seen = new Set<string>();
  let next: Certificate | undefined = socket.getPeerCertificate(true);
  while (next?.raw && !seen.has(next.fingerprint256)) {
    seen.add(next.fingerprint256);
    yield next;
    next = next.issuerCertificate;
  }
}

/** Node's types declare an error; its documentation and Deno have a string. */
function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code ?? error;
  return typeof code === "string" ? code : UNVERIFIED;
}

function wrongName(
  [{ subject, subjectaltname = "" } = {}]: readonly Partial<Certificate>[],
  host: string,
): string {
  const names = subjectaltname.replaceAll(/\b(?:DNS|IP Address):/g, "") ||
    [subject?.CN].flat().join(", ");
  return `the server's certificate is for ${
    snippet(names) || "no name"
  }, not for ${host}`;
}

/** The reason if a certificate has expired or is not valid yet. The dates of a trusted root are not checked. */
function outOfDate(chain: readonly Certificate[]): Reason | undefined {
  // deno-lint-ignore house/one-clock -- certificates are valid by the calendar
  const nowMs = new Date().getTime();
  for (const [i, certificate] of chain.entries()) {
    const { valid_from: from, valid_to: to } = certificate;
    if (i > 0 && isSelfSigned(certificate)) continue;
    const subject = i === 0
      ? "the server's certificate"
      : `the certificate of its issuer ${quotedName(certificate.subject)}`;
    if (nowMs > Date.parse(to)) {
      return ["CERT_HAS_EXPIRED", `${subject} expired on ${dayOf(to)}`];
    }
    if (nowMs < Date.parse(from)) {
      return [
        "CERT_NOT_YET_VALID",
        `${subject} is not valid before ${dayOf(from)}`,
      ];
    }
  }
  return undefined;
}

function untrusted(code: string, chain: readonly Certificate[]): Reason {
  const [first] = chain;
  const last = chain.at(-1);
  if (!first || !last) return [code, "the server's certificate is rejected"];
  if (isSelfSigned(first)) {
    return [
      "DEPTH_ZERO_SELF_SIGNED_CERT",
      "the server's certificate is self-signed",
    ];
  }
  const issuer = quotedName(last.issuer);
  if (!isSelfSigned(last)) {
    return [
      UNVERIFIED,
      `the issuer of the server's certificate is ${issuer}, whose certificate is neither trusted nor sent by the server`,
    ];
  }
  if (code === "SELF_SIGNED_CERT_IN_CHAIN") {
    return [
      code,
      `the issuer of the server's certificate is ${issuer}, which is not trusted`,
    ];
  }
  // Its issuer is known, which is possible only for a trusted one.
  return [
    "CERT_REJECTED",
    `the server's certificate is rejected, although its issuer ${issuer} is trusted`,
  ];
}

function isSelfSigned({ subject, issuer }: Certificate): boolean {
  return JSON.stringify(subject) === JSON.stringify(issuer);
}

function quotedName({ CN, O }: Certificate["subject"]): string {
  return JSON.stringify(
    snippet([CN ?? O ?? "without a name"].flat().join(", ")),
  );
}

/** Formats `Jan  1 00:00:00 2021 GMT` as `2021-01-01`. */
function dayOf(time: string): string {
  return new Date(time).toISOString().slice(0, 10);
}
