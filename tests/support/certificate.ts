// A certificate for localhost and 127.0.0.1, and the authority that signed it: for tests only.

/** The authority that a client must trust. */
export const testCa = `-----BEGIN CERTIFICATE-----
MIIBqDCCAU+gAwIBAgIUXV7mtB7xQ99GFiU1PZTYiTiAg5cwCgYIKoZIzj0EAwIw
ITEfMB0GA1UEAwwWZWFyc2hvdCB0ZXN0IGF1dGhvcml0eTAgFw0yNjExMjMxMTMz
MDFaGA8yMTI2MTAzMDExMzMwMVowITEfMB0GA1UEAwwWZWFyc2hvdCB0ZXN0IGF1
dGhvcml0eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABM3rr45CyzBtpHg0Lckl
+rVu7dhRTKk6KByMF8ZZRCgnaVT9isYxWyTDDXmga+biq/rikZqSLxsOrY1hVS1q
TG2jYzBhMB0GA1UdDgQWBBSgHH3ja2iP7larTbSRUrrWcPoaSTAfBgNVHSMEGDAW
gBSgHH3ja2iP7larTbSRUrrWcPoaSTAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB
/wQEAwICBDAKBggqhkjOPQQDAgNHADBEAiBublA51PQ6BG7F/lI8l+hAWMD8mxcK
7QIMc2xvDf1yfAIgG58rdbNy/HSQcWxDE6JcUAzSVTOD1fOsEyC9SqkFgHc=
-----END CERTIFICATE-----
`;

/** The certificate and key of the server, as `ServerOptions.tls`. */
export const testTls = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBtzCCAV2gAwIBAgIULYrOANd/IKAe58d6H8QfI446h50wCgYIKoZIzj0EAwIw
ITEfMB0GA1UEAwwWZWFyc2hvdCB0ZXN0IGF1dGhvcml0eTAgFw0yNjExMjMxMTMz
MDFaGA8yMTI2MTAzMDExMzMwMVowFDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYH
KoZIzj0CAQYIKoZIzj0DAQcDQgAEizm2wp8w71vRDGKYTAXVBdrqc17ApONXD/00
fm/zeFBD7+YH/5Kxxvx/YugSaZmg2xbLQzbHrhMyyTRBS987Q6N+MHwwGgYDVR0R
BBMwEYIJbG9jYWxob3N0hwR/AAABMBMGA1UdJQQMMAoGCCsGAQUFBwMBMAkGA1Ud
EwQCMAAwHQYDVR0OBBYEFOUGGvqCSHv8rJJlmvC9fmHtAP0YMB8GA1UdIwQYMBaA
FKAcfeNraI/uVqtNtJFSutZw+hpJMAoGCCqGSM49BAMCA0gAMEUCIQDjZZV5/5Y6
W6OI2o2o+n22+z25S3L0P7JDowIqhsbH2gIgR2Rqrpv1hK+K0G8ewAcpaFU1hPc4
3yUOwm/LIF6h+Ls=
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgiDM+6p5bVphPcXHT
w1Tje9UGWSVTLUqumZbQ7bmt3ZqhRANCAASLObbCnzDvW9EMYphMBdUF2upzXsCk
41cP/TR+b/N4UEPv5gf/krHG/H9i6BJpmaDbFstDNseuEzLJNEFL3ztD
-----END PRIVATE KEY-----
`,
};

/** Reads a certificate or key of the tests of connections. */
export function pem(name: string): string {
  const folder = new URL("../../backends/connect/testdata/", import.meta.url);
  return Deno.readTextFileSync(new URL(name, folder));
}
