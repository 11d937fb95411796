/** Any tool survives the way to every kind of provider, and a call of it comes back as a call of that tool. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { ModelEvent } from "../../src/contract/chat.ts";
import { isJsonObject, type JsonObject } from "../../src/platform/canonical-json.ts";
import { wireNames } from "../../src/tools/wire-name.ts";
import { createMessagesParser } from "../../src/upstream/anthropic/messages-answer.ts";
import { messagesBody } from "../../src/upstream/anthropic/messages-body.ts";
import { createChatAnswerParser } from "../../src/upstream/chat-stream.ts";
import { listOf } from "../../src/upstream/json-member.ts";
import { createResponsesParser } from "../../src/upstream/responses/responses-answer.ts";
import { responsesBody } from "../../src/upstream/responses/responses-body.ts";
import { workersAiBody } from "../../src/upstream/workers-ai/workers-ai-body.ts";
import { openAIChunk } from "../../src/upstream/workers-ai/workers-ai-chunk.ts";
import { callsOf } from "../support/chat-answers.ts";

const utf8 = new TextEncoder();

/** A tool as a provider was shown it. */
interface Shown {
  readonly name: unknown;
  readonly schema: unknown;
}

interface Kind {
  /** The tools in the request made of a chat request. */
  readonly shown: (body: JsonObject) => readonly Shown[];
  /** The events of a whole answer that calls these tools. */
  readonly answered: (calls: readonly { name: string; input: object }[]) => readonly ModelEvent[];
}

function chatTools(body: JsonObject): readonly Shown[] {
  return listOf(body["tools"]).map((tool) => {
    const described = isJsonObject(tool) ? tool["function"] : null;
    return isJsonObject(described)
      ? { name: described["name"], schema: described["parameters"] }
      : { name: null, schema: null };
  });
}

function flatTools(schemaField: string) {
  return (body: JsonObject): readonly Shown[] =>
    listOf(body["tools"])
      .filter(isJsonObject)
      .map((tool) => ({ name: tool["name"], schema: tool[schemaField] }));
}

function valueOf(made: { ok: true; value: JsonObject } | { ok: false }): JsonObject {
  if (!made.ok) throw new Error("refused");
  return made.value;
}

const KINDS: Readonly<Record<string, Kind>> = {
  openai: {
    shown: chatTools,
    answered: (calls) =>
      parse(createChatAnswerParser(), {
        choices: [
          {
            message: {
              tool_calls: calls.map(({ name, input }, n) => ({
                id: `c${n}`,
                function: { name, arguments: JSON.stringify(input) },
              })),
            },
          },
        ],
      }),
  },
  workers_ai: {
    shown: (body) => chatTools(workersAiBody(body)),
    answered: (calls) =>
      parse(createChatAnswerParser({ asChunk: openAIChunk }), {
        result: { tool_calls: calls.map(({ name, input }) => ({ name, arguments: input })) },
      }),
  },
  anthropic: {
    shown: (body) => flatTools("input_schema")(valueOf(messagesBody(body))),
    answered: (calls) =>
      parse(createMessagesParser(false), {
        type: "message",
        content: calls.map(({ name, input }, n) => ({
          type: "tool_use",
          id: `c${n}`,
          name,
          input,
        })),
        stop_reason: "tool_use",
      }),
  },
  openai_responses: {
    shown: (body) => flatTools("parameters")(valueOf(responsesBody(body))),
    answered: (calls) =>
      parse(createResponsesParser(false), {
        object: "response",
        output: calls.map(({ name, input }, n) => ({
          type: "function_call",
          call_id: `c${n}`,
          name,
          arguments: JSON.stringify(input),
        })),
      }),
  },
};

function parse(
  parser: { push(bytes: Uint8Array): readonly ModelEvent[]; end(): readonly ModelEvent[] },
  json: unknown,
): readonly ModelEvent[] {
  return [...parser.push(utf8.encode(JSON.stringify(json))), ...parser.end()];
}

const text = fc.string({ unit: "grapheme", maxLength: 12 });
const leaf = fc.oneof(
  fc.constant({}),
  fc.record({ type: fc.constantFrom("string", "integer", "number", "boolean", "null") }),
  fc.record({ type: fc.constant("string"), enum: fc.array(text, { maxLength: 3 }), default: text }),
  fc.record({ type: fc.constant("string"), pattern: text, minLength: fc.nat(9), format: text }),
  fc.record({ type: fc.constant("number"), minimum: fc.double(), multipleOf: fc.nat() }),
  fc.record({ const: fc.jsonValue(), description: text, title: text }),
  fc.record({ $ref: fc.constant("#/$defs/thing") }),
);
const schema = fc.letrec<{ node: object }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.record({ type: fc.constant("array"), items: tie("node"), uniqueItems: fc.boolean() }),
    fc.record({ anyOf: fc.array(tie("node"), { minLength: 1, maxLength: 3 }) }),
    fc.record({
      type: fc.constant("object"),
      properties: fc.dictionary(text, tie("node"), { maxKeys: 3 }),
      required: fc.array(text, { maxLength: 2 }),
      additionalProperties: fc.oneof(fc.boolean(), tie("node")),
    }),
  ),
})).node;
const input = fc.record({
  type: fc.constant("object"),
  properties: fc.dictionary(text, schema, { maxKeys: 4 }),
  $defs: fc.record({ thing: schema }),
  oneOf: fc.array(schema, { maxLength: 2 }),
});
const name = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/);
const tools = fc.uniqueArray(
  fc.record({ name, input, args: fc.dictionary(text, fc.jsonValue()) }),
  {
    selector: (tool) => tool.name,
    minLength: 1,
    maxLength: 5,
  },
);

describe("any tool, for every kind of provider", () => {
  it.each(Object.entries(KINDS))(
    "%s is shown it whole, and its calls are calls of it",
    (_, kind) => {
      fc.assert(
        fc.property(tools, (offered) => {
          const { toWire, fromWire } = wireNames(offered.map((tool) => tool.name));
          const wire = (tool: { readonly name: string }) => toWire.get(tool.name) ?? "";
          // Through JSON, as the request goes.
          const body: JsonObject = JSON.parse(
            JSON.stringify({
              model: "m",
              messages: [{ role: "user", content: "Hi" }],
              tools: offered.map((tool) => ({
                type: "function",
                function: { name: wire(tool), description: "d", parameters: tool.input },
              })),
            }),
          );
          const wanted = offered.map((tool) => ({
            name: wire(tool),
            schema: JSON.parse(JSON.stringify(tool.input)),
          }));
          expect(kind.shown(body)).toEqual(wanted);
          for (const { name: shown } of wanted) expect(shown).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
          const made = callsOf(
            kind.answered(offered.map((tool) => ({ name: wire(tool), input: tool.args }))),
          );
          expect(
            made.map((call) => [fromWire.get(call.name), JSON.parse(call.argumentsJson)]),
          ).toEqual(offered.map((tool) => [tool.name, JSON.parse(JSON.stringify(tool.args))]));
        }),
        { seed: 11, numRuns: 150 },
      );
    },
  );
});
