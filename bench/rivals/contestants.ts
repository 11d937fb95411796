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

/** Whom a contestant talks to for one plan. */
export interface Seat {
  /** Of the model, or of the gateway in its place. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Where the framework sends the calls it runs itself; null when the gateway runs them and the framework is its client. */
  readonly toolsUrl: string | null;
}

/** What a run begins with. The mark, by which the model knows its plan, is what the system says, so that no word of the user's is changed. */
export interface Words {
  readonly system: string;
  readonly prompt: string;
}

/** Runs one plan to the model's final answer; answers how that ended, where the client is told. */
export type Play = (seat: Seat, plan: GoldPlan, words: Words) => Promise<unknown>;

/** The gateway as its tenant has set it: plain, with speculation, with second requests beside slow ones, or with both. */
export type GatewayKind = "plain" | "guessing" | "hedging" | "both";

/** One way to run the tool loop. */
export interface Contestant {
  readonly name: string;
  /** `rival` runs its own loop; `client` is a framework in front of the plain gateway; the others are the gateway. */
  readonly role: "rival" | "client" | GatewayKind;
  readonly play: Play;
}

setTracingDisabled(true);

/** The tools a framework runs itself: none when it is only a client. */
function ownTools({ toolsUrl }: Seat, { tools }: GoldPlan): readonly OwnTool[] {
  if (toolsUrl === null) return [];
  return tools.map((tool) => ({
    ...tool,
    execute: async (values) => {
      const response = await fetch(`${toolsUrl}/${tool.name}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(values),
      });
      return response.text();
    },
  }));
}

interface OwnTool extends GoldTool {
  readonly execute: (values: unknown) => Promise<string>;
}

const playAiSdk: Play = async (seat, plan, { system, prompt }) => {
  const provider = createOpenAICompatible({
    name: "played",
    baseURL: seat.baseUrl,
    apiKey: seat.apiKey,
    headers: { ...seat.headers },
  });
  const tools = ownTools(seat, plan).map(({ name, description, input, execute }) => [
    name,
    aiTool({ description, inputSchema: jsonSchema({ ...input }), execute }),
  ]);
  const { textStream } = streamText({
    model: provider("played"),
    tools: Object.fromEntries(tools),
    stopWhen: isStepCount(MAX_TURNS),
    maxRetries: 0,
    system,
    prompt,
    onError: ({ error }) => {
      throw error;
    },
  });
  for await (const piece of textStream) void piece;
};

const playAgentsSdk: Play = async (seat, plan, { system, prompt }) => {
  const agent = new Agent({
    name: "played",
    instructions: system,
    model: new OpenAIChatCompletionsModel(openaiClient(seat), "played"),
    tools: ownTools(seat, plan).map(({ name, description, input, execute }) =>
      agentTool({
        name,
        description,
        parameters: {
          type: "object",
          properties: {},
          required: [],
          ...input,
          additionalProperties: true,
        },
        strict: false,
        execute,
      }),
    ),
  });
  const result = await runAgent(agent, prompt, { stream: true, maxTurns: MAX_TURNS });
  for await (const event of result) void event;
  await result.completed;
};

const playLangGraph: Play = async (seat, plan, { system, prompt }) => {
  const llm = new ChatOpenAI({
    model: "played",
    apiKey: seat.apiKey,
    maxRetries: 0,
    configuration: { baseURL: seat.baseUrl, defaultHeaders: { ...seat.headers } },
  });
  const tools = ownTools(seat, plan).map(({ name, description, input, execute }) =>
    langchainTool(execute, { name, description, schema: { ...input } }),
  );
  const graph = createReactAgent({ llm, tools });
  const stream = await graph.stream(
    {
      messages: [
        { role: "system", content: system },
        { role: "user", content: prompt },
      ],
    },
    // Streams the model; `streaming: true` would count tokens with a tokenizer fetched from the network.
    { recursionLimit: 2 * MAX_TURNS, streamMode: "messages" },
  );
  for await (const step of stream) void step;
};

/** The client is OpenAI's own; it only reads the stream to its end. */
const playOpenai: Play = async (seat, _plan, { system, prompt }) => {
  const stream = await openaiClient(seat).chat.completions.create({
    model: "played",
    stream: true,
    messages: [
      { role: "system", content: system },
      { role: "user", content: prompt },
    ],
  });
  let last: unknown = null;
  for await (const chunk of stream) last = chunk;
  return last;
};

function openaiClient({ baseUrl, apiKey, headers }: Seat): OpenAI {
  return new OpenAI({ baseURL: baseUrl, apiKey, maxRetries: 0, defaultHeaders: { ...headers } });
}

/** Those whose times are compared, the rivals first. */
export const CONTESTANTS: readonly Contestant[] = [
  { name: "AI SDK 7", role: "rival", play: playAiSdk },
  { name: "OpenAI Agents SDK JS", role: "rival", play: playAgentsSdk },
  { name: "LangGraph.js", role: "rival", play: playLangGraph },
  { name: "Toolformer Edge", role: "plain", play: playOpenai },
];

/** The gateway with speculation. */
export const GUESSING: Contestant = {
  name: "Toolformer Edge, guessing",
  role: "guessing",
  play: playOpenai,
};

/** The gateway with second requests beside slow ones. */
export const HEDGING: Contestant = {
  name: "Toolformer Edge, hedging",
  role: "hedging",
  play: playOpenai,
};

/** The gateway with speculation and second requests. */
export const BOTH: Contestant = {
  name: "Toolformer Edge, guessing and hedging",
  role: "both",
  play: playOpenai,
};

/** The frameworks as clients of the gateway: their own loops have nothing left to do. */
export const CLIENTS: readonly Contestant[] = CONTESTANTS.filter(
  ({ role }) => role === "rival",
).map(({ name, play }) => ({ name: `${name} in front of the gateway`, role: "client", play }));
