// Values and errors as Python and pydantic print them: vLLM's messages are made of these.

/** Prints a JSON value as Python's `repr()` does. */
export function pythonRepr(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") {
    const escaped = value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
    return value.includes("'") && !value.includes('"')
      ? `"${escaped}"`
      : `'${escaped.replaceAll("'", "\\'")}'`;
  }
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(", ")}]`;
  if (typeof value !== "object") return String(value);
  const fields = Object.entries(value).map((entry) =>
    entry.map(pythonRepr).join(": ")
  );
  return `{${fields.join(", ")}}`;
}

/** Prints a JSON value as Python's `str()` does. */
export function pythonStr(value: unknown): string {
  return typeof value === "string" ? value : pythonRepr(value);
}

/** The Python type of a JSON value. */
export function pythonType(value: unknown): string {
  if (value === null || value === undefined) return "NoneType";
  if (Array.isArray(value)) return "list";
  if (typeof value === "number") {
    return Number.isInteger(value) ? "int" : "float";
  }
  return { boolean: "bool", string: "str" }[typeof value as string] ?? "dict";
}

/** Prints a `ValidationError` with one finding about a field. */
export function pydanticError(
  model: string,
  field: string,
  { message, kind, input }: { message: string; kind: string; input: unknown },
): string {
  const repr = pythonRepr(input);
  // pydantic shows at most 50 characters of a value: its ends.
  const shown = repr.length > 50
    ? `${repr.slice(0, 25)}...${repr.slice(-24)}`
    : repr;
  return `1 validation error for ${model}\n${field}\n  ${message} [type=${kind}, input_value=${shown}, input_type=${
    pythonType(input)
  }]\n    For further information visit https://errors.pydantic.dev/2.14/v/${kind}`;
}

/** Reads a boolean as leniently as pydantic does; undefined if it refuses the value. */
export function pydanticBool(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const word = String(value).toLowerCase();
  if (["1", "true", "t", "yes", "y", "on"].includes(word)) return true;
  if (["0", "false", "f", "no", "n", "off"].includes(word)) return false;
  return undefined;
}
