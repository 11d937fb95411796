/**
 * What a gateway that runs the tools does beyond passing on. The model of these checks calls `golden_wait`, a tool of the
 * gateway's that waits `ms` at the suite's tool server and answers `{ms, n}`. A gateway that knows no such tool hands the call
 * to the client, and that is "not offered".
 */

import { isObject, listOf, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { ask, missing, scripted, shown, type Answer } from "./ask.ts";
import { eventsOf, readChatAnswer, readChatStream, type Said } from "./chat-stream.ts";
import { fails, judged, notOffered, OK, type Check, type Outcome, type Scene } from "./check.ts";
import { responseFaults } from "./response-rules.ts";

const PATH = "/v1/chat/completions";

/** The gateway's own tool of these checks. */
export const GATEWAY_TOOL = "golden_wait";
const PARALLEL_MS = 300;

const MINE = {
  type: "function",
  function: { name: "mine", parameters: { type: "object", properties: {} } },
};

function wait({ tag }: Scene, n: number, ms: unknown, more: UnknownObject = {}): UnknownObject {
  return { name: GATEWAY_TOOL, arguments: { mark: tag, n, ms }, ...more };
}

async function chat(
  scene: Scene,
  turns: readonly UnknownObject[],
  more: UnknownObject = {},
): Promise<{ readonly answer: Answer; readonly said: Said } | Outcome> {
  const body = { model: scene.target.model, messages: [scripted(scene, ...turns)], ...more };
  const answer = await ask(scene, PATH, body);
  if (answer.status !== 200) return missing(answer, PATH) ?? fails(shown(answer));
  const said = more["stream"] === true ? readChatStream(answer.text) : readChatAnswer(answer.json);
  return said.calls.some(({ name }) => name === GATEWAY_TOOL)
    ? notOffered("hands the call to the client")
    : { answer, said };
}

async function runsTool(scene: Scene): Promise<Outcome> {
  const got = await chat(scene, [{ calls: [wait(scene, 1, 1)] }, { text: "Saw {{results}}" }]);
  if ("kind" in got) return got;
  const { text, finish } = got.said;
  if (!/Saw .*ms/.test(text)) return fails(`says ${JSON.stringify(text)}`);
  return finish[0] === "stop" ? OK : fails(`finishes with ${finish.join(", ")}`);
}

async function runsTogether(scene: Scene): Promise<Outcome> {
  const calls = [1, 2, 3].map((n) => wait(scene, n, PARALLEL_MS));
  const got = await chat(scene, [{ calls }, { text: "Done." }]);
  if ("kind" in got) return got;
  const peak = scene.tools.stats().keys[scene.tag]?.peak ?? 0;
  return peak === calls.length ? OK : fails(`${peak} of ${calls.length} calls at once`);
}

async function bindsReferences(scene: Scene): Promise<Outcome> {
  const calls = [wait(scene, 1, 5, { label: "first" }), wait(scene, 2, { $ref: "first#/ms" })];
  const got = await chat(scene, [{ calls }, { text: "Saw {{results}}" }]);
  if ("kind" in got) return got;
  const turns = scene.upstream.seen(scene.tag).length;
  if (turns !== 2) return fails(`${turns} model turns, not 2`);
  const { started = 0 } = scene.tools.stats().keys[scene.tag] ?? {};
  return started === 2 ? OK : fails(`${started} calls reached the tool: ${got.said.text}`);
}

async function isOneAnswer(scene: Scene): Promise<Outcome> {
  const turns = [{ text: "Looking. ", calls: [wait(scene, 1, 1)] }, { text: "Found it." }];
  const got = await chat(scene, turns, { stream: true });
  if ("kind" in got) return got;
  const stream = readChatStream(got.answer.text);
  return judged([
    ...stream.faults,
    ...(stream.isDone ? [] : ["does not end with [DONE]"]),
    ...(stream.calls.length === 0 ? [] : ["shows the gateway's call"]),
    ...(stream.finish.join() === "stop" ? [] : [`finishes with ${stream.finish.join(", ")}`]),
    ...(/^Looking\. \s*Found it\.$/.test(stream.text) ? [] : [`says ${stream.text}`]),
  ]);
}

async function mixesTurns(scene: Scene): Promise<Outcome> {
  const turns = [
    { calls: [wait(scene, 1, 1), { name: "mine", arguments: {} }] },
    { text: "Saw {{results}}" },
  ];
  const first = await chat(scene, turns, { tools: [MINE] });
  if ("kind" in first) return first;
  const [own, ...others] = first.said.calls;
  if (own === undefined || others.length > 0)
    return fails(`hands ${first.said.calls.length} calls to the client, not 1`);
  const [choice = {}] = listOf(first.answer.json, "choices").filter(isObject);
  const messages = [
    scripted(scene, ...turns),
    choice["message"],
    { role: "tool", tool_call_id: own.id, content: "own result" },
  ];
  const body = { model: scene.target.model, messages, tools: [MINE] };
  const { text } = readChatAnswer((await ask(scene, PATH, body)).json);
  return judged([
    ...(text.includes("own result") ? [] : ["the model lost the client's result"]),
    ...(text.includes("ms") ? [] : ["the model lost the gateway's result"]),
  ]);
}

async function replaysKey(scene: Scene): Promise<Outcome> {
  const body = {
    model: scene.target.model,
    messages: [scripted(scene, { text: "Once." })],
  };
  const headers = { ...scene.target.headers(PATH), "idempotency-key": scene.tag };
  const [one, two] = [
    await ask(scene, PATH, body, { headers }),
    await ask(scene, PATH, body, { headers }),
  ];
  if (one.status !== 200 || two.status !== 200) return fails(`${shown(one)}; ${shown(two)}`);
  const times = scene.upstream.seen(scene.tag).length;
  if (times === 2) return notOffered("asks the provider again");
  return textOf(one.json, "id") === textOf(two.json, "id") ? OK : fails("two answers");
}

async function showsItems(scene: Scene): Promise<Outcome> {
  const path = "/v1/responses";
  const input = [
    scripted(scene, { calls: [wait(scene, 1, 1), wait(scene, 2, 1)] }, { text: "Done." }),
  ];
  const body = { model: scene.target.model, input, stream: true };
  const answer = await ask(scene, path, body);
  if (answer.status !== 200) return missing(answer, path) ?? fails(shown(answer));
  const events = eventsOf(answer.text);
  const done = events.filter(({ type }) => type === "response.output_item.done");
  const items = done.map(({ item }) => (isObject(item) ? textOf(item, "type") : null));
  if (items.includes("function_call")) return notOffered("hands the call to the client");
  const calls = items.filter((type) => type === "mcp_call").length;
  return judged([...responseFaults(events), ...(calls === 2 ? [] : [`shows ${calls} calls`])]);
}

async function showsBlocks(scene: Scene): Promise<Outcome> {
  const path = "/v1/messages";
  const messages = [scripted(scene, { calls: [wait(scene, 1, 1)] }, { text: "Done." })];
  const body = { model: scene.target.model, max_tokens: 100, messages };
  const answer = await ask(scene, path, body);
  if (answer.status !== 200) return missing(answer, path) ?? fails(shown(answer));
  const types = listOf(answer.json, "content").map((one) => (isObject(one) ? one["type"] : null));
  if (types.includes("tool_use")) return notOffered("hands the call to the client");
  return types.join() === "mcp_tool_use,mcp_tool_result,text"
    ? OK
    : fails(`shows ${types.join(", ")}`);
}

/** The checks. */
export const ABILITY_CHECKS: readonly Check[] = [
  { area: "tools", claim: "runs its own tools and answers once", run: runsTool },
  { area: "tools", claim: "runs the calls of a turn at once", run: runsTogether },
  {
    area: "tools",
    claim: "runs a call that refers to another's result in the same model turn",
    run: bindsReferences,
  },
  {
    area: "tools",
    claim: "streams several model turns as one message with one finish",
    run: isOneAnswer,
  },
  {
    area: "tools",
    claim: "runs its own calls of a turn that also calls the client's tools",
    run: mixesTurns,
  },
  { area: "tools", claim: "shows its calls as mcp_call items in Responses", run: showsItems },
  { area: "tools", claim: "shows its calls as mcp_tool_use blocks in Messages", run: showsBlocks },
  {
    area: "tools",
    claim: "answers a repeated Idempotency-Key without asking the provider again",
    run: replaysKey,
  },
];
