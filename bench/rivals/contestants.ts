/**
 * Who runs the tool loop: three public frameworks, unmodified, each in its own way and at its best (streaming, parallel
 * calls, no retries), and the gateway with a client that only reads its stream. All get the same model, tools and prompt.
 */

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { tool as langchainTool } from "@langchain/core/tools";
import { createReactAgent } from "@langchain/langgraph/prebuilt";
import { ChatOpenAI } from "@langchain/openai";
import {
  Agent,
  OpenAIChatCompletionsModel,
  run as runAgent,
  setTracingDisabled,
  tool as agentTool,
} from "@openai/agents";
import { isStepCount, jsonSchema, streamText, tool as aiTool } from "ai";
import OpenAI from "openai";

import type { GoldPlan, GoldTool } from "./gold-plan.ts";

/** Turns a loop may take; the deepest plan needs four. */
const MAX_TURNS = 16;

/** Where a contestant works. */
export interface Arena {
  readonly modelUrl: string;
  readonly toolsUrl: string;
  readonly gatewayUrl: string;
  readonly gatewayKey: (plan: GoldPlan) => string;
}

/** Runs one plan to the model's final answer. */
export interface Contestant {
  readonly name: string;
  readonly isRival: boolean;
  readonly run: (arena: Arena, plan: GoldPlan, prompt: string) => Promise<void>;
}

setTracingDisabled(true);

async function callTool(arena: Arena, { name }: GoldTool, values: unknown): Promise<string> {
  const response = await fetch(`${arena.toolsUrl}/${name}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(values),
  });
  return response.text();
}

const aiSdk: Contestant = {
  name: "AI SDK 7",
  isRival: true,
  async run(arena, plan, prompt) {
    const provider = createOpenAICompatible({
      name: "played",
      baseURL: arena.modelUrl,
      apiKey: "none",
    });
    const tools = plan.tools.map((each) => [
      each.name,
      aiTool({
        description: each.description,
        inputSchema: jsonSchema({ ...each.input }),
        execute: (values) => callTool(arena, each, values),
      }),
    ]);
    const { textStream } = streamText({
      model: provider("played"),
      tools: Object.fromEntries(tools),
      stopWhen: isStepCount(MAX_TURNS),
      maxRetries: 0,
      prompt,
      onError: ({ error }) => {
        throw error;
      },
    });
    for await (const piece of textStream) void piece;
  },
};

const agentsSdk: Contestant = {
  name: "OpenAI Agents SDK JS",
  isRival: true,
  async run(arena, plan, prompt) {
    const client = new OpenAI({ baseURL: arena.modelUrl, apiKey: "none", maxRetries: 0 });
    const agent = new Agent({
      name: "played",
      model: new OpenAIChatCompletionsModel(client, "played"),
      tools: plan.tools.map((each) =>
        agentTool({
          name: each.name,
          description: each.description,
          parameters: {
            type: "object",
            properties: {},
            required: [],
            ...each.input,
            additionalProperties: true,
          },
          strict: false,
          execute: (values) => callTool(arena, each, values),
        }),
      ),
    });
    const result = await runAgent(agent, prompt, { stream: true, maxTurns: MAX_TURNS });
    for await (const event of result) void event;
    await result.completed;
  },
};

const langGraph: Contestant = {
  name: "LangGraph.js",
  isRival: true,
  async run(arena, plan, prompt) {
    const llm = new ChatOpenAI({
      model: "played",
      apiKey: "none",
      maxRetries: 0,
      configuration: { baseURL: arena.modelUrl },
    });
    const tools = plan.tools.map((each) =>
      langchainTool((values: unknown) => callTool(arena, each, values), {
        name: each.name,
        description: each.description,
        schema: { ...each.input },
      }),
    );
    const graph = createReactAgent({ llm, tools });
    const stream = await graph.stream(
      { messages: [{ role: "user", content: prompt }] },
      // Streams the model; `streaming: true` would count tokens with a tokenizer fetched from the network.
      { recursionLimit: 2 * MAX_TURNS, streamMode: "messages" },
    );
    for await (const step of stream) void step;
  },
};

/** The gateway runs the loop; the client is OpenAI's own and reads the stream to its end. */
const gateway: Contestant = {
  name: "Toolformer Edge",
  isRival: false,
  async run(arena, plan, prompt) {
    const client = new OpenAI({
      baseURL: arena.gatewayUrl,
      apiKey: arena.gatewayKey(plan),
      maxRetries: 0,
      defaultHeaders: { "x-gw-tools": plan.tools.map(({ name }) => name).join(",") },
    });
    const stream = await client.chat.completions.create({
      model: "played",
      stream: true,
      messages: [{ role: "user", content: prompt }],
    });
    for await (const chunk of stream) void chunk;
  },
};

/** Everybody, the rivals first. */
export const CONTESTANTS: readonly Contestant[] = [aiSdk, agentsSdk, langGraph, gateway];
