/** Whether a value is an object with keys, not a list or bytes. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** Adds numbers to the sums of the same names. A sum begins with the first number that is added to it. */
export function addTo<Name extends string>(
  sums: Partial<Record<Name, number>>,
  numbers: Readonly<Partial<Record<Name, number | undefined>>>,
): void {
  for (const [name, number] of Object.entries<number | undefined>(numbers)) {
    if (number !== undefined) {
      sums[name as Name] = (sums[name as Name] ?? 0) + number;
    }
  }
}
