import { z } from "zod";

export const text = z.string();
export const count = z.int().nonnegative();
export const positiveCount = z.int().positive();
export const size = z.number().nonnegative();
export const ms = size;
export const facts = z.record(text, z.unknown());

/** Returns fields of one schema. */
export function fields<S extends z.ZodType, N extends string>(
  schema: S,
  ...names: readonly N[]
): Record<N, S> {
  return Object.fromEntries(names.map((name) => [name, schema])) as Record<
    N,
    S
  >;
}

/** Returns fields of one schema that may be absent. */
export function optional<S extends z.ZodType, N extends string>(
  schema: S,
  ...names: readonly N[]
): Record<N, z.ZodExactOptional<S>> {
  return fields(schema.exactOptional(), ...names);
}
