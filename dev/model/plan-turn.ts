/**
 * What the scripted model answers: a script when the conversation holds one, the recorded travel scenario, or tools
 * chosen by their words. Deterministic: the same conversation on the same day gets the same answer.
 */

import { chooseTools } from "./choose-tools.ts";
import { factsOf, type Facts } from "./facts.ts";
import { fillArguments } from "./fill-arguments.ts";
import { lastUserIndex, toolResults, type ModelRequest, type ModelTool } from "./request.ts";
import { isResearch, researchStages } from "./research.ts";
import { playScript } from "./script.ts";
import { isTravel, travelAnswer, travelOpening, travelStages, type WantedCall } from "./travel.ts";
import { EMPTY_TURN, callId, type Turn, type TurnFault } from "./turn.ts";

/** Longest piece of a result quoted in an answer. */
const MAX_QUOTE = 400;

/** The next answer to a request. */
export function planTurn(request: ModelRequest, todayMs: number): Turn {
  return withModelFault(playScript(request) ?? improvise(request, todayMs), request.model);
}

function improvise(request: ModelRequest, todayMs: number): Turn {
  const start = lastUserIndex(request.messages);
  const facts = factsOf(request.messages[start]?.text ?? "", todayMs);
  const results = toolResults(request.messages);
  const isFirst = !request.messages.slice(start).some((message) => message.role === "assistant");
  const calls = nextCalls(request, facts);
  if (calls.length > 0) {
    const conversation = `${facts.text} ${request.messages.length}`;
    return {
      ...EMPTY_TURN,
      text: isFirst && isTravel(facts) ? travelOpening(facts) : "",
      calls: calls.map((call, index) => ({
        id: callId(conversation, index),
        name: call.name,
        arguments: JSON.stringify(call.arguments),
      })),
    };
  }
  const text = answerText(request, facts, results);
  return { ...EMPTY_TURN, text: request.json === null ? text : asJson(request.json, facts, text) };
}

function nextCalls(request: ModelRequest, facts: Facts): readonly WantedCall[] {
  const { toolChoice, tools } = request;
  if (toolChoice === "none" || tools.length === 0) return [];
  if (typeof toolChoice === "object") {
    const named = tools.find((tool) => tool.name === toolChoice.name);
    return named === undefined ? [] : [wantedCall(named, facts)];
  }
  const waiting = notYetDone(stagesOf(request, facts), request);
  const [first] = tools;
  const calls =
    waiting.length === 0 && toolChoice === "required" && first !== undefined
      ? [wantedCall(chooseTools(tools, facts)[0] ?? first, facts)]
      : waiting;
  return request.parallel ? calls : calls.slice(0, 1);
}

function stagesOf(request: ModelRequest, facts: Facts): readonly (readonly WantedCall[])[] {
  if (isTravel(facts)) return travelStages(request.tools, facts, toolResults(request.messages));
  if (isResearch(facts)) return researchStages(request.tools, facts, toolResults(request.messages));
  return [chooseTools(request.tools, facts).flatMap((tool) => callsOf(tool, facts))];
}

/** A tool that asks for a city is called once for each city of the prompt. */
function callsOf(tool: ModelTool, facts: Facts): WantedCall[] {
  const single = wantedCall(tool, facts);
  const place = Object.entries(single.arguments).find(([, value]) => value === facts.places[0]);
  if (place === undefined || facts.places.length < 2) return [single];
  return facts.places.map((city) => ({
    name: tool.name,
    arguments: { ...single.arguments, [place[0]]: city },
  }));
}

function wantedCall(tool: ModelTool, facts: Facts): WantedCall {
  return { name: tool.name, arguments: fillArguments(tool.parameters, facts) };
}

/** The calls of the first stage that are still missing: calls made since the question are counted by name. */
function notYetDone(
  stages: readonly (readonly WantedCall[])[],
  request: ModelRequest,
): readonly WantedCall[] {
  const made = new Map<string, number>();
  for (const message of request.messages.slice(lastUserIndex(request.messages))) {
    for (const { name } of message.calls) made.set(name, (made.get(name) ?? 0) + 1);
  }
  for (const stage of stages) {
    const waiting = stage.filter((call) => {
      const count = made.get(call.name) ?? 0;
      made.set(call.name, count - 1);
      return count <= 0;
    });
    if (waiting.length > 0) return waiting;
  }
  return [];
}

function answerText(
  request: ModelRequest,
  facts: Facts,
  results: ReturnType<typeof toolResults>,
): string {
  if (results.length > 0 && isTravel(facts)) return travelAnswer(facts, results);
  if (results.length > 0) {
    return [
      "Here is what the tools found:",
      ...results.map(({ name, text }) => `- ${name}: ${text.slice(0, MAX_QUOTE)}`),
    ].join("\n");
  }
  const said = facts.text.slice(0, MAX_QUOTE);
  const tools =
    request.tools.length === 0
      ? ""
      : ` None of the ${request.tools.length} tools fits by its words.`;
  return `I am a scripted stand-in for a language model.${tools} You said: ${said}`;
}

function asJson(format: NonNullable<ModelRequest["json"]>, facts: Facts, text: string): string {
  return JSON.stringify(
    format.schema === null ? { answer: text } : fillArguments(format.schema, facts),
  );
}

/** Model names that select a fault: `scripted-slow`, `-cut`, `-hang`, `-garbage`, `-broken-json`, `-429`, `-500` … */
function withModelFault(turn: Turn, model: string): Turn {
  const fault = /^scripted-(slow|cut|hang|garbage|broken-json|[45]\d\d)$/.exec(model)?.[1];
  switch (fault) {
    case undefined:
      return turn;
    case "slow":
      return { ...turn, delayMs: turn.delayMs + 3_000 };
    case "broken-json":
      return {
        ...turn,
        calls: turn.calls.map((call) => ({
          ...call,
          arguments: call.arguments.slice(0, Math.max(1, call.arguments.length - 2)),
        })),
      };
    default:
      return { ...turn, fault: faultNamed(fault) };
  }
}

function faultNamed(name: string): TurnFault {
  if (name === "garbage") return { kind: "garbage" };
  if (name === "cut" || name === "hang") return { kind: name, after: 3 };
  return {
    kind: "status",
    status: Number(name),
    code: name === "429" ? "rate_limit_exceeded" : "scripted_fault",
    message: "a scripted fault",
    retryAfterS: name === "429" ? 1 : null,
  };
}
