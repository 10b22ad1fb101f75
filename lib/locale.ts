/** Whether the locale has characters beyond ASCII: UTF-8, as `LC_ALL`, `LC_CTYPE` or `LANG` names it. */
export function isUnicodeLocale(
  env: (name: string) => string | undefined,
): boolean {
  const locale = env("LC_ALL") || env("LC_CTYPE") || env("LANG") || "";
  return /utf-?8/i.test(locale);
}
