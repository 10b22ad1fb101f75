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
