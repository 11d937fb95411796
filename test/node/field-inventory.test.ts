/**
 * No dead settings: every field of the policy, tool and upstream schemas has a conformance test that shows what it
 * changes, by name. A field arrives together with its test, or this fails and says which.
 */

import { readdirSync, readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";
import * as z from "zod/mini";

import { isObject, listOf, objectOf, type UnknownObject } from "../../dev/http/json.ts";
import { Policy } from "../../src/contract/policy.ts";
import { ToolDefinition } from "../../src/contract/tool.ts";
import { Upstream } from "../../src/contract/upstream.ts";

const FOLDER = new URL("../conformance/", import.meta.url);
const SCHEMAS = { policy: Policy, tool: ToolDefinition, upstream: Upstream };

/**
 * Paths of the fields a client can set: `[]` for the items of a list, `*` for the members of a record. A list or record
 * of plain values is one field; of several shapes, the field itself counts besides the fields of each shape.
 */
function leavesOf(path: string, schema: UnknownObject): readonly string[] {
  const members = Object.entries(objectOf(schema, "properties"));
  if (members.length > 0)
    return members.flatMap(([name, member]) =>
      isObject(member) ? leavesOf(`${path}/${name}`, member) : [],
    );
  const shapes = [...listOf(schema, "anyOf"), ...listOf(schema, "oneOf")].filter(isObject);
  if (shapes.length > 0)
    return [...new Set([path, ...shapes.flatMap((shape) => leavesOf(path, shape))])];
  const { items, additionalProperties } = schema;
  if (isObject(items)) return fieldsInside(path, `${path}[]`, items);
  if (isObject(additionalProperties)) return fieldsInside(path, `${path}/*`, additionalProperties);
  return [path];
}

/** The fields of what a list or record holds; plain values have none of their own. */
function fieldsInside(path: string, inside: string, schema: UnknownObject): readonly string[] {
  const leaves = leavesOf(inside, schema);
  return leaves.length === 1 && leaves[0] === inside ? [path] : leaves;
}

/** Every field of these schemas. */
function fieldsOf(schemas: Readonly<Record<string, z.core.$ZodType>>): readonly string[] {
  return Object.entries(schemas).flatMap(([name, schema]) =>
    leavesOf(name, { ...z.toJSONSchema(schema) }),
  );
}

/** Names of the tests that run in one source text: `it.skip` and `it.todo` prove nothing. */
function titlesOf(source: string): readonly string[] {
  return [...source.matchAll(/^\s*it\(\s*"([^"\n]+)"/gm)].map(([, title = ""]) => title);
}

/** Names of all tests in test/conformance/fields-*.test.ts. */
function writtenTitles(): readonly string[] {
  const files = readdirSync(FOLDER).filter((file) => /^fields-.+\.test\.ts$/.test(file));
  return files.flatMap((file) => titlesOf(readFileSync(new URL(file, FOLDER), "utf8")));
}

/** Sentences on every field without a test and every test without a field. A title is `<field>: <what it changes>`. */
function faultsOf(fields: readonly string[], titles: readonly string[]): readonly string[] {
  const named = titles.map((title) => /^(\S+): \S/.exec(title)?.[1] ?? "");
  return [
    ...fields
      .filter((field) => !named.includes(field))
      .map((field) => `${field} has no test that shows what it changes`),
    ...titles
      .filter((_, index) => !fields.includes(named[index] ?? ""))
      .map((title) => `"${title}" names no field`),
  ];
}

describe("the fields of policy, tool and upstream", () => {
  it("each have a test that shows what they change, and no test is left over", () => {
    expect(faultsOf(fieldsOf(SCHEMAS), writtenTitles())).toEqual([]);
  });

  it("are found at every depth: in lists, records and shapes that differ", () => {
    const Nested = z.strictObject({
      flat: z.string(),
      list: z.array(z.strictObject({ inner: z.optional(z.int()) })),
      words: z.array(z.string()),
      record: z.record(z.string(), z.strictObject({ as: z.string() })),
      free: z.record(z.string(), z.json()),
      either: z.union([z.literal("all"), z.record(z.string(), z.strictObject({ a: z.int() }))]),
    });
    expect(fieldsOf({ x: Nested })).toEqual([
      "x/flat",
      "x/list[]/inner",
      "x/words",
      "x/record/*/as",
      "x/free",
      "x/either",
      "x/either/*/a",
    ]);
    expect(fieldsOf(SCHEMAS)).toContain("upstream/models/*/as");
    expect(fieldsOf(SCHEMAS)).toContain("policy/limits/requests[]/burst");
  });
});

describe("a planted fault", () => {
  it("is reported: one more field, in any of the three", () => {
    const wider = {
      policy: z.extend(Policy, { turbo: z.optional(z.boolean()) }),
      tool: z.extend(ToolDefinition, { turbo: z.strictObject({ level: z.int() }) }),
      upstream: z.extend(Upstream, { turbo: z.array(z.strictObject({ level: z.int() })) }),
    };
    expect(faultsOf(fieldsOf(wider), writtenTitles())).toEqual([
      "policy/turbo has no test that shows what it changes",
      "tool/turbo/level has no test that shows what it changes",
      "upstream/turbo[]/level has no test that shows what it changes",
    ]);
  });

  it("is reported: a test of a field that is gone, a title that names none, a test that is skipped", () => {
    const source = [
      'it("policy/turbo: is gone", () => {});',
      'it("tool/effect", () => {});',
      'it.skip("tool/effect: is not run", () => {});',
      'it("policy/locale: is here", () => {});',
    ];
    expect(faultsOf(["policy/locale", "tool/effect"], titlesOf(source.join("\n")))).toEqual([
      "tool/effect has no test that shows what it changes",
      '"policy/turbo: is gone" names no field',
      '"tool/effect" names no field',
    ]);
  });
});
