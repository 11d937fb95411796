/** What the table of JSON Schema cases is made of. */

/** One schema, one value, and whether the value is valid. */
export interface SchemaCase {
  readonly name: string;
  readonly schema: object;
  readonly value: unknown;
  readonly valid: boolean;
}

/** A schema with the values that fit it and those that do not. */
export function cases(
  name: string,
  schema: object,
  valid: readonly unknown[],
  invalid: readonly unknown[],
): SchemaCase[] {
  return [
    ...valid.map((value) => ({ name, schema, value, valid: true })),
    ...invalid.map((value) => ({ name, schema, value, valid: false })),
  ];
}

/** Schema of an object with these properties. */
export function objectOf(properties: object, rest: object = {}): object {
  return { type: "object", properties, ...rest };
}
