import { isUsageError, type Problem, UsageError } from "../plugins/mod.ts";

/** What tasks by name come to. */
type Results<Tasks> = {
  [Name in keyof Tasks]: Tasks[Name] extends () => infer Result
    ? Awaited<Result>
    : never;
};

/**
 * Does every task, whatever becomes of the others, so that all that the user gave wrong is told at once.
 *
 * @throws {UsageError} The one that was thrown, or one with the words of all.
 */
export async function together<
  Tasks extends Readonly<Record<string, () => unknown>>,
>(tasks: Tasks): Promise<Results<Tasks>> {
  const results: Record<string, unknown> = {};
  const errors: UsageError[] = [];
  for (const [name, task] of Object.entries(tasks)) {
    try {
      results[name] = await task();
    } catch (error) {
      if (!isUsageError(error)) throw error;
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw all(errors);
  return results as Results<Tasks>;
}

/** One error for several, those within them included. */
function all(errors: readonly UsageError[]): UsageError {
  const each = errors.flatMap((error): readonly UsageError[] =>
    Array.isArray(error.cause) ? error.cause : [error]
  );
  const problems = each.flatMap((error): readonly Problem[] =>
    error.problems.length > 0 ? error.problems : [error]
  );
  const lines = each.map(({ message }) =>
    `\n  ${message.replaceAll("\n", "\n  ")}`
  );
  return new UsageError(
    `Cannot run for ${each.length} reasons:${lines.join("")}`,
    { problems, cause: each },
  );
}
