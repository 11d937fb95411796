/** Chat completions: what the provider said reaches the client, streamed and whole. */

import { parseJson, type UnknownObject } from "../../dev/http/json.ts";
import { ask, golden, missing, shown } from "./ask.ts";
import { readChatAnswer, readChatStream, type Said, type SaidStream } from "./chat-stream.ts";
import { fails, judged, notOffered, OK, type Check, type Outcome, type Scene } from "./check.ts";

const PATH = "/v1/chat/completions";
const PARIS = { name: "lookup", arguments: { city: "Paris" } };
const ROME = { name: "lookup", arguments: { city: "Rome" } };
const TOTAL_TOKENS = 12;

const LOOKUP = {
  type: "function",
  function: {
    name: "lookup",
    description: "Looks something up",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, note: { type: "string" } },
      required: ["city"],
    },
  },
};

/** A golden answer and what a client must read in it. */
interface Expected {
  readonly name: string;
  readonly claim: string;
  readonly text?: string;
  readonly reasoning?: string;
  readonly refusal?: string;
  readonly calls?: readonly { readonly name: string; readonly arguments: UnknownObject }[];
  readonly finish: string;
  /** The fault is one of streams only. */
  readonly isStreamOnly?: true;
}

const EXPECTED: readonly Expected[] = [
  {
    name: "text",
    claim: "text, word for word, with one finish",
    text: "Golden streams are kept word for word.",
    finish: "stop",
  },
  {
    name: "unicode",
    claim: "letters of several bytes, cut anywhere by the provider",
    text: "Zürich → 東京 🇯🇵 👩‍👩‍👧 नमस्ते e\u0301",
    finish: "stop",
  },
  {
    name: "framing",
    claim: "comments, CRLF, ids and event names in the provider's stream",
    text: "lines end both ways",
    finish: "stop",
    isStreamOnly: true,
  },
  {
    name: "call",
    claim: "a call whose arguments are cut inside strings and escapes",
    calls: [{ name: "lookup", arguments: { city: "Paris", note: 'a "quoted" \\ word\n' } }],
    finish: "tool_calls",
  },
  {
    name: "parallel",
    claim: "two calls whose arguments are interleaved",
    calls: [PARIS, ROME],
    finish: "tool_calls",
  },
  {
    name: "same-index",
    claim: "two calls to which the provider gave the same index stay two",
    calls: [PARIS, ROME],
    finish: "tool_calls",
    isStreamOnly: true,
  },
  {
    name: "no-index",
    claim: "two calls to which the provider gave no index stay two",
    calls: [PARIS, ROME],
    finish: "tool_calls",
    isStreamOnly: true,
  },
  {
    name: "text-and-call",
    claim: "text before a call",
    text: "Looking it up.",
    calls: [PARIS],
    finish: "tool_calls",
  },
  {
    name: "reasoning",
    claim: "reasoning beside text",
    reasoning: "First think.",
    text: "Then speak.",
    finish: "stop",
  },
  { name: "refusal", claim: "a refusal", refusal: "I will not.", finish: "stop" },
  {
    name: "length",
    claim: "the finish reason length",
    text: "Cut by the token",
    finish: "length",
  },
  {
    name: "content-filter",
    claim: "the finish reason content_filter",
    text: "Withheld",
    finish: "content_filter",
  },
];

/** The body of a check: calls need a tool of the client's own. */
function bodyOf(scene: Scene, { name, calls }: Expected, stream: boolean): UnknownObject {
  return golden(scene, name, { stream, ...(calls === undefined ? {} : { tools: [LOOKUP] }) });
}

function differences(said: Said, expected: Expected): readonly string[] {
  const faults: string[] = [];
  const compare = (what: string, given: unknown, wanted: unknown): void => {
    if (JSON.stringify(given) !== JSON.stringify(wanted))
      faults.push(`${what} ${JSON.stringify(given)}, not ${JSON.stringify(wanted)}`);
  };
  compare("has the text", said.text, expected.text ?? "");
  compare("has the reasoning", said.reasoning, expected.reasoning ?? "");
  compare("has the refusal", said.refusal, expected.refusal ?? "");
  compare(
    "has the calls",
    said.calls.map((call) => ({
      name: call.name,
      arguments: parseJson(call.arguments) ?? call.arguments,
    })),
    expected.calls ?? [],
  );
  if (new Set(said.calls.map(({ id }) => id)).size < said.calls.length)
    faults.push("has calls without ids of their own");
  compare("finishes with", said.finish, [expected.finish]);
  return faults;
}

async function streamOf(scene: Scene, body: UnknownObject): Promise<SaidStream | Outcome> {
  const answer = await ask(scene, PATH, body);
  if (answer.status !== 200 || answer.end !== "whole")
    return missing(answer, PATH) ?? fails(shown(answer));
  return readChatStream(answer.text);
}

async function checkStream(scene: Scene, expected: Expected): Promise<Outcome> {
  const said = await streamOf(scene, bodyOf(scene, expected, true));
  if ("kind" in said) return said;
  const done = said.isDone ? [] : ["does not end with [DONE]"];
  const errors = said.errors.map((error) => `says ${JSON.stringify(error)}`);
  return judged([...said.faults, ...done, ...errors, ...differences(said, expected)]);
}

async function checkWhole(scene: Scene, expected: Expected): Promise<Outcome> {
  const answer = await ask(scene, PATH, bodyOf(scene, expected, false));
  if (answer.status !== 200) return missing(answer, PATH) ?? fails(shown(answer));
  const said = readChatAnswer(answer.json);
  const usage = said.usage[0]?.["total_tokens"] === TOTAL_TOKENS ? [] : ["has other usage"];
  return judged([...usage, ...differences(said, expected)]);
}

async function checkUsageChunk(scene: Scene): Promise<Outcome> {
  const wanted = { stream: true, stream_options: { include_usage: true } };
  const said = await streamOf(scene, golden(scene, "text", wanted));
  if ("kind" in said) return said;
  const totals = said.usage.map((usage) => usage["total_tokens"]);
  return totals.length === 1 && totals[0] === TOTAL_TOKENS
    ? OK
    : fails(`has usage ${JSON.stringify(totals)}`);
}

async function checkNoUsageChunk(scene: Scene): Promise<Outcome> {
  const said = await streamOf(scene, golden(scene, "text", { stream: true }));
  if ("kind" in said) return said;
  return said.usage.length === 0 ? OK : fails("has usage nobody asked for");
}

/** A stream that broke behind the gateway must not read like a whole answer. */
async function checkBroken(scene: Scene, name: string, text: string): Promise<Outcome> {
  const answer = await ask(scene, PATH, golden(scene, name, { stream: true }));
  if (answer.status !== 200) return missing(answer, PATH) ?? fails(shown(answer));
  if (answer.end === "waited") return notOffered("is still silent after 10 s");
  const said = readChatStream(answer.text);
  if (said.text !== text) return fails(`has the text ${JSON.stringify(said.text)}`);
  if (said.finish.length > 0) return fails(`finishes with ${said.finish.join(", ")}`);
  if (answer.end === "broken" || said.errors.length > 0) return OK;
  return fails(said.isDone ? "ends with [DONE] and no error" : "ends without a word");
}

async function checkUnknownFields(scene: Scene): Promise<Outcome> {
  const fields = { seed: 7, top_logprobs: 2, logit_bias: { "50256": -1 }, x_next_year: { a: [1] } };
  const answer = await ask(scene, PATH, golden(scene, "text", fields));
  if (answer.status !== 200) return missing(answer, PATH) ?? fails(shown(answer));
  const [seen] = scene.upstream.seen(scene.tag);
  const lost = Object.entries(fields).filter(
    ([name, value]) => JSON.stringify(seen?.body[name]) !== JSON.stringify(value),
  );
  return judged(lost.map(([name]) => `the provider got no ${name}`));
}

/** The checks. */
export const CHAT_CHECKS: readonly Check[] = [
  ...EXPECTED.map((expected) => ({
    area: "chat stream",
    claim: expected.claim,
    run: (scene: Scene) => checkStream(scene, expected),
  })),
  { area: "chat stream", claim: "one usage chunk when asked for", run: checkUsageChunk },
  { area: "chat stream", claim: "no usage chunk otherwise", run: checkNoUsageChunk },
  {
    area: "chat stream",
    claim: "an error in the provider's stream reaches the client",
    run: (scene) => checkBroken(scene, "error", "So far so good"),
  },
  {
    area: "chat stream",
    claim: "a provider's connection lost half way does not look like an end",
    run: (scene) => checkBroken(scene, "cut", "Half an ans"),
  },
  {
    area: "chat stream",
    claim: "a provider's stream without a finish does not look like an end",
    run: (scene) => checkBroken(scene, "unfinished", "Half an ans"),
  },
  {
    area: "chat stream",
    claim: "a provider silent half way is given up within the configured time",
    run: (scene) => checkBroken(scene, "stalled", "Half an ans"),
  },
  ...EXPECTED.filter(({ isStreamOnly }) => isStreamOnly !== true).map((expected) => ({
    area: "chat, whole",
    claim: `${expected.claim}; usage`,
    run: (scene: Scene) => checkWhole(scene, expected),
  })),
  {
    area: "chat, whole",
    claim: "fields the gateway does not know reach the provider",
    run: checkUnknownFields,
  },
];
