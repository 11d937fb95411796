/** The two other protocols: `/v1/responses` with its grammar of events, `/v1/messages` with its blocks. */

import {
  isObject,
  listOf,
  numberOf,
  objectOf,
  parseJson,
  textOf,
  type UnknownObject,
} from "../../dev/http/json.ts";
import { ask, missing, shown } from "./ask.ts";
import { eventsOf } from "./chat-stream.ts";
import { fails, judged, type Check, type Outcome, type Scene } from "./check.ts";
import { messageFaults } from "./message-rules.ts";
import { responseFaults } from "./response-rules.ts";

const RESPONSES = "/v1/responses";
const MESSAGES = "/v1/messages";
const TEXT = "Golden streams are kept word for word.";
const CITIES = ["Paris", "Rome"];
const MAX_TOKENS = 100;

const INPUT = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
};

/** The golden answer of this name, asked for in a protocol. */
type Ask = (scene: Scene, name: "text" | "parallel", stream: boolean) => UnknownObject;

const askResponses: Ask = ({ target, tag }, name, stream) => ({
  model: target.model,
  input: [{ role: "user", content: [{ type: "input_text", text: `golden:${name} ${tag}` }] }],
  stream,
  store: false,
  ...(name === "parallel" && {
    tools: [{ type: "function", name: "lookup", parameters: INPUT, strict: false }],
  }),
});

const askMessages: Ask = ({ target, tag }, name, stream) => ({
  model: target.model,
  max_tokens: MAX_TOKENS,
  messages: [{ role: "user", content: `golden:${name} ${tag}` }],
  stream,
  ...(name === "parallel" && { tools: [{ name: "lookup", input_schema: INPUT }] }),
});

/** Texts and calls among the items of a response. */
function itemsSay(response: UnknownObject): { text: string; cities: readonly unknown[] } {
  const items = listOf(response, "output").filter(isObject);
  const parts = items.flatMap((item) => listOf(item, "content").filter(isObject));
  const calls = items.filter(({ type }) => type === "function_call");
  return {
    text: parts.map((part) => textOf(part, "text") ?? "").join(""),
    cities: calls.map((call) => cityOf(parseJson(textOf(call, "arguments") ?? ""))),
  };
}

function cityOf(value: unknown): unknown {
  return isObject(value) ? value["city"] : value;
}

/** Texts and calls among the blocks of a message. */
function blocksSay(message: UnknownObject): { text: string; cities: readonly unknown[] } {
  const blocks = listOf(message, "content").filter(isObject);
  return {
    text: blocks.map((block) => textOf(block, "text") ?? "").join(""),
    cities: blocks.filter(({ type }) => type === "tool_use").map((block) => cityOf(block["input"])),
  };
}

function differences(
  said: { readonly text: string; readonly cities: readonly unknown[] },
  name: "text" | "parallel",
): readonly string[] {
  const wanted = name === "text" ? { text: TEXT, cities: [] } : { text: "", cities: CITIES };
  return JSON.stringify(said) === JSON.stringify(wanted)
    ? []
    : [`says ${JSON.stringify(said)}, not ${JSON.stringify(wanted)}`];
}

async function checkResponse(
  scene: Scene,
  name: "text" | "parallel",
  stream: boolean,
): Promise<Outcome> {
  const answer = await ask(scene, RESPONSES, askResponses(scene, name, stream));
  if (answer.status !== 200) return missing(answer, RESPONSES) ?? fails(shown(answer));
  if (!stream)
    return judged([
      ...(answer.json["status"] === "completed" ? [] : ["is not completed"]),
      ...differences(itemsSay(answer.json), name),
      ...(numberOf(objectOf(answer.json, "usage"), "total_tokens") === null
        ? ["has no usage"]
        : []),
    ]);
  const events = eventsOf(answer.text);
  const last = events.at(-1) ?? {};
  return judged([
    ...responseFaults(events),
    ...(last["type"] === "response.completed" ? [] : [`ends with ${String(last["type"])}`]),
    ...differences(itemsSay(objectOf(last, "response")), name),
  ]);
}

async function checkMessage(
  scene: Scene,
  name: "text" | "parallel",
  stream: boolean,
): Promise<Outcome> {
  const answer = await ask(scene, MESSAGES, askMessages(scene, name, stream));
  if (answer.status !== 200) return missing(answer, MESSAGES) ?? fails(shown(answer));
  const { faults, whole } = stream
    ? messageFaults(eventsOf(answer.text))
    : { faults: [], whole: answer.json };
  const stop = name === "text" ? "end_turn" : "tool_use";
  return judged([
    ...faults,
    ...(whole["stop_reason"] === stop ? [] : [`stops with ${String(whole["stop_reason"])}`]),
    ...differences(blocksSay(whole), name),
  ]);
}

async function refusal(scene: Scene, path: string, body: UnknownObject): Promise<Outcome> {
  const answer = await ask(scene, path, body);
  const gone = missing(answer, path);
  if (gone !== null) return gone;
  const error = objectOf(answer.json, "error");
  return answer.status === 429 && textOf(error, "message") !== null
    ? judged(answer.headers.get("retry-after") === "7" ? [] : ["has lost Retry-After"])
    : fails(shown(answer));
}

function limited(body: UnknownObject): UnknownObject {
  const text = JSON.stringify(body).replace("golden:text", "golden:status-429");
  return { ...body, ...objectOf({ value: parseJson(text) }, "value") };
}

function checksOf(
  area: string,
  run: (scene: Scene, name: "text" | "parallel", stream: boolean) => Promise<Outcome>,
): readonly Check[] {
  return [
    { area, claim: "text, whole", run: (scene) => run(scene, "text", false) },
    { area, claim: "text, streamed by the grammar", run: (scene) => run(scene, "text", true) },
    { area, claim: "two calls, whole", run: (scene) => run(scene, "parallel", false) },
    {
      area,
      claim: "two calls, streamed by the grammar",
      run: (scene) => run(scene, "parallel", true),
    },
  ];
}

/** The checks. */
export const PROTOCOL_CHECKS: readonly Check[] = [
  ...checksOf("responses", checkResponse),
  {
    area: "responses",
    claim: "a provider's 429: 429 in the envelope, its Retry-After kept",
    run: (scene) => refusal(scene, RESPONSES, limited(askResponses(scene, "text", false))),
  },
  ...checksOf("messages", checkMessage),
  {
    area: "messages",
    claim: "a provider's 429: 429 in the envelope, its Retry-After kept",
    run: (scene) => refusal(scene, MESSAGES, limited(askMessages(scene, "text", false))),
  },
];
