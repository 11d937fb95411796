/** Reading JSON of unknown shape in the local servers: a wrong shape becomes `null` or a default, never a throw. */

/** A JSON object whose members have not been looked at yet. */
export type UnknownObject = Readonly<Record<string, unknown>>;

/** Says whether a value is a JSON object (not null, not an array). */
export function isObject(value: unknown): value is UnknownObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Parses JSON text; `undefined` when it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    // JSON.parse is typed `any`; unknown makes every reader check.
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The object in JSON text, or `{}` when there is none. */
export function parseObject(text: string): UnknownObject {
  const value = parseJson(text);
  return isObject(value) ? value : {};
}

/** A string member, or null. */
export function textOf(object: UnknownObject, key: string): string | null {
  const value = object[key];
  return typeof value === "string" ? value : null;
}

/** A finite number member, or null. */
export function numberOf(object: UnknownObject, key: string): number | null {
  const value = object[key];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** An object member, or `{}`. */
export function objectOf(object: UnknownObject, key: string): UnknownObject {
  const value = object[key];
  return isObject(value) ? value : {};
}

/** A list member, or `[]`. */
export function listOf(object: UnknownObject, key: string): readonly unknown[] {
  const value = object[key];
  return Array.isArray(value) ? value : [];
}
