import { X509Certificate } from "node:crypto";
import type { Endpoint } from "./endpoint.ts";
import type { TargetSettings } from "./options.ts";
import { CUT } from "./server_text.ts";
import type { TlsOptions } from "./tls.ts";
import { type OpenContext, UsageError } from "../../plugins/mod.ts";

/**
 * The headers of each request.
 *
 * @throws {UsageError} If the key's variable is not set or holds no key, or a header is none.
 */
export function headersOf(
  { headers, apiKeyEnv }: Pick<TargetSettings, "headers" | "apiKeyEnv">,
  { authorization }: Endpoint,
  context: OpenContext,
): Record<string, string> {
  for (const [name, value] of Object.entries(headers)) {
    if (NAME.test(name) && VALUE.test(value)) continue;
    throw new UsageError(
      `Cannot use headers as each must be a name and a value of HTTP: current value is that of ${
        JSON.stringify(name)
      }`,
    );
  }
  if (apiKeyEnv === undefined) {
    return { ...(authorization && { authorization }), ...headers };
  }
  const key = context.env(apiKeyEnv);
  if (!key) {
    throw new UsageError(
      `Cannot use apiKeyEnv as the environment variable must be set: current value is ${
        shownVariable(apiKeyEnv)
      }`,
    );
  }
  if (!VALUE.test(key)) {
    throw new UsageError(
      `Cannot use apiKeyEnv as the key must be one line of text: current value is that of ${apiKeyEnv}`,
    );
  }
  return { ...headers, Authorization: `Bearer ${key}` };
}

/** Whether a text can be the name of an environment variable. Few keys can: most have a `-`, or are long. */
export function isVariable(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name);
}

/** The name of a variable for an error: not, where it is more likely a key that was given in its place. */
export function shownVariable(name: string): string {
  return isVariable(name) && !looksLikeKey(name)
    ? name
    : "not shown, as it looks like a key: the name of a variable is wanted";
}

/** Long, and small letters among digits or capitals. */
function looksLikeKey(name: string): boolean {
  return /[a-z]/.test(name) && /[A-Z0-9]/.test(name) && name.length > 16;
}

/** What may stand in a header: no line ends, as these would begin another one. */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const VALUE = /^[\t -~\x80-\xff]*$/;

/** Every value that came by a header or the query may be one, the word before a key left out. */
export function secretsIn(
  values: Record<string, string> | URLSearchParams,
): string[] {
  const pairs = values instanceof URLSearchParams
    ? [...values]
    : Object.entries(values);
  return pairs.map(([, value]) => value.replace(/^(Bearer|Basic) /i, ""));
}

/**
 * Reads the files that TLS needs.
 *
 * @throws {UsageError} If one cannot be read, or is not in PEM.
 */
export async function tlsOf(
  { caCert, clientCert, clientKey, insecure }: TargetSettings,
): Promise<TlsOptions> {
  return {
    ...(caCert !== undefined &&
      { ca: await pemOf("caCert", caCert, hasCertificate) }),
    ...(clientCert !== undefined &&
      { cert: await pemOf("clientCert", clientCert, hasCertificate) }),
    ...(clientKey !== undefined &&
      { key: await pemOf("clientKey", clientKey, hasKey) }),
    rejectUnauthorized: !insecure,
  };
}

async function pemOf(
  option: string,
  path: string,
  isOne: (text: string) => boolean,
): Promise<string> {
  const what = option === "clientKey" ? "private key" : "certificate";
  const rule =
    `Cannot use ${option} as it must be a file in PEM with a ${what}: current value is ${path}`;
  const text = await Deno.readTextFile(path).catch((cause) => {
    throw new UsageError(rule, { cause });
  });
  if (!isOne(text)) throw new UsageError(rule);
  return text;
}

const CERTIFICATE = "-----BEGIN CERTIFICATE-----";

/** Whether one of the certificates in a text can be read: TLS passes over the others. */
function hasCertificate(text: string): boolean {
  const [, ...beginnings] = text.split(CERTIFICATE);
  return beginnings.some((pem) => {
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

/** What stands in a secret's place. */
const HIDDEN = "***";

/** Anything shorter would be found in every other text. */
const MIN_LENGTH = 6;

/** Takes secrets out of text that a server has written, and the beginning of one where the text was cut within it. */
export function cleaner(secrets: readonly string[]): (text: string) => string {
  const known = secrets.filter((secret) => secret.length >= MIN_LENGTH)
    .sort((a, b) => b.length - a.length);
  return (text) =>
    known.reduce(
      (clean, secret) => withoutCut(clean.replaceAll(secret, HIDDEN), secret),
      text,
    );
}

/** Hides a secret's beginning where a text was cut within it. */
function withoutCut(text: string, secret: string): string {
  const pieces = text.split(CUT);
  const last = pieces.pop()!;
  return [...pieces.map((piece) => withoutStart(piece, secret)), last]
    .join(CUT);
}

function withoutStart(text: string, secret: string): string {
  for (let length = secret.length; length >= MIN_LENGTH; length--) {
    if (!text.endsWith(secret.slice(0, length))) continue;
    return text.slice(0, -length) + HIDDEN;
  }
  return text;
}
