/**
 * The far end of gold plans: a server whose tools compute their results from what they are called with, and the same
 * computation for whoever wants to know what should have come out.
 *
 * A result depends on the tool, the arguments and the result's schema alone, so a wrong argument anywhere upstream shows in
 * every result after it. Arithmetic is really done.
 */

import {
  isObject,
  listOf,
  objectOf,
  parseObject,
  textOf,
  type UnknownObject,
} from "../../dev/http/json.ts";
import { listen, sendJson, type Listening } from "../../dev/http/listen.ts";
import { fingerprint } from "../../dev/model/turn.ts";
import { calculate } from "../../dev/tool-apis/calculate.ts";

/** A tool of a gold plan: `input` and `output` are JSON Schemas. */
export interface ValueTool {
  readonly name: string;
  readonly input: UnknownObject;
  readonly output: UnknownObject;
}

/** What `tool` answers to `values`. */
export function resultOf(tool: ValueTool, values: UnknownObject): unknown {
  const expression = textOf(values, "numbers");
  const sum = expression === null ? null : calculate(expression);
  const seed = `${tool.name} ${sortedJson(values)}`;
  const result = valueOf(tool.output, seed, "");
  return sum?.ok === true && isObject(result) && "answer" in result
    ? { ...result, answer: sum.value }
    : result;
}

function valueOf(schema: UnknownObject, seed: string, name: string): unknown {
  const properties = objectOf(schema, "properties");
  const digits = Number.parseInt(fingerprint(`${seed} ${name}`), 16);
  switch (textOf(schema, "type") ?? "string") {
    case "object":
      return Object.fromEntries(
        Object.entries(properties).map(([key, member]) => [
          key,
          valueOf(isObject(member) ? member : {}, seed, `${name}/${key}`),
        ]),
      );
    case "array":
      return [0, 1].map((index) => valueOf(objectOf(schema, "items"), seed, `${name}/${index}`));
    case "number":
      return (digits % 10_000) / 100;
    case "integer":
      return digits % 1000;
    case "boolean":
      return digits % 2 === 0;
    default:
      return /rate|price/i.test(name) ? String((digits % 10_000) / 100) : `${name}=${digits}`;
  }
}

/** JSON with sorted keys: the gateway may write arguments in another order than their author. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    isObject(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

/** Serves `tools`, each at `POST /<its place in the list>`. */
export function serveTools(tools: readonly ValueTool[]): Promise<Listening> {
  return listen(0, async ({ url, body, response }) => {
    const tool = tools[Number(url.pathname.slice(1))];
    if (tool === undefined) sendJson(response, 404, { error: "no such tool" });
    else sendJson(response, 200, resultOf(tool, parseObject(body)));
    await Promise.resolve();
  });
}

/** The tools as `PUT /v1/tools/{name}` takes them. */
export function definitionsOf(
  tools: readonly ValueTool[],
  baseUrl: string,
): Readonly<Record<string, UnknownObject>> {
  return Object.fromEntries(
    tools.map(({ name, input, output }, index) => [
      name,
      {
        description: name,
        input,
        output,
        effect: "read",
        http: { method: "POST", url: `${baseUrl}/${index}` },
      },
    ]),
  );
}

/** The results of an answer to `POST /v1/runs`, by call id. */
export function outputsById(run: UnknownObject): ReadonlyMap<string, unknown> {
  return new Map(
    listOf(run, "results")
      .filter(isObject)
      .map((result) => [textOf(result, "id") ?? "", result["output"]]),
  );
}
